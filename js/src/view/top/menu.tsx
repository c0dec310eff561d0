// What is used rarely, and what is being read.
import { useRef, useState } from "preact/hooks";
import { linkTo } from "../../lib/link";
import { still } from "../../lib/still";
import { chooseLanguage, LANGUAGES, language, t } from "../../lib/words";
import type { ViewState } from "../../state/view";
import { toClipboard } from "../ui/copy";
import { DotsMenu, type MenuItem } from "../ui/dots";

export function Menu({ view }: { view: ViewState }) {
  const { store } = view;
  const box = useRef<HTMLDivElement>(null);
  const [nested, setNested] = useState(false);
  const copy = (text: string | undefined, what: string) => {
    if (text === undefined) return;
    void toClipboard(text, box.current).then((done) =>
      view.say(done ? t("{what} copied", { what }) : t("The clipboard is denied")),
    );
  };
  const flat = nested ? null : t("This thread has no subgraph steps");
  const straight = view.branches.value < 2 ? t("This thread has one branch") : null;
  const unfolded = view.find.folded.value.size === 0 ? t("No branch is folded") : null;
  const nowhere = location.protocol.startsWith("http") ? null : t("This page has no address of its own");
  const link = () => {
    const thread = store.thread.peek()?.thread_id;
    const checkpoint = store.selected.peek();
    return thread && checkpoint ? linkTo(location.href, { thread, checkpoint }) : undefined;
  };
  const items: MenuItem[] = [
    ...(still.value ? [] : [{ name: t("Look for new checkpoints"), act: () => void store.refresh() }]),
    ...(store.source.exports
      ? [
          {
            name: t("Export the thread…"),
            testid: "lgviz-export-open",
            reason: store.lost.value ?? (store.selected.value === null ? t("No thread is open yet") : null),
            act: () => (view.exporting.value = true),
          },
        ]
      : []),
    { name: t("Fold all subgraph steps"), reason: flat, act: () => view.toggleAll(true) },
    { name: t("Unfold all subgraph steps"), reason: flat, act: () => view.toggleAll(false) },
    { name: t("Fold the other branches"), reason: straight, act: () => view.toggleBranches(true) },
    { name: t("Unfold all branches"), reason: unfolded, act: () => view.toggleBranches(false) },
    {
      name: t("Copy a link to this checkpoint"),
      reason: nowhere,
      act: () => copy(link(), t("Link")),
    },
    {
      name: t("Copy the thread id"),
      act: () => copy(store.thread.peek()?.thread_id, t("Thread id")),
    },
    {
      name: t("Copy the checkpoint id"),
      act: () => copy(store.selected.peek() ?? undefined, t("Checkpoint id")),
    },
    {
      name: t("Narrate"),
      testid: "lgviz-narrate",
      hint: t("Tells in sentences how the selected checkpoint came to be"),
      checked: view.narrating.value,
      act: () => view.narrate(!view.narrating.peek()),
    },
    {
      name: t("Present"),
      key: "p",
      testid: "lgviz-present-open",
      reason: store.selected.value === null ? t("No thread is open yet") : null,
      hint: t("Large, for others to see: the space bar goes from step to step"),
      act: () => view.present(true),
    },
    ...(still.value
      ? []
      : [
          {
            name: t("Predict before acting"),
            testid: "lgviz-predict-toggle",
            checked: store.predicting.on.value,
            reason: store.readOnly.value,
            hint: t("Before a step, a run or a fork it is asked what will come of it"),
            act: () => store.predicting.toggle(),
          },
        ]),
    { name: t("Keys"), key: "?", act: () => (view.help.value = true) },
    ...Object.entries(LANGUAGES)
      .filter(([code]) => code !== language.value)
      .map(([code, name]) => ({
        name,
        act: () => {
          // All is drawn anew, and the keys must not be lost.
          view.refocus = true;
          chooseLanguage(code);
        },
      })),
  ];
  return (
    <div ref={box}>
      <DotsMenu
        label={t("More actions")}
        testid="lgviz-menu"
        items={items}
        hint={store.description.value}
        opening={() => setNested(store.tree.peek().inner.some((inner) => inner > 0))}
      />
    </div>
  );
}
