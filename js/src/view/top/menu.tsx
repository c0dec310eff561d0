// What is used rarely, and what is being read.
import { useRef, useState } from "preact/hooks";
import { t } from "../../lib/words";
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
  const items: MenuItem[] = [
    { name: t("Look for new checkpoints"), act: () => void store.refresh() },
    { name: t("Fold all subgraph steps"), reason: flat, act: () => view.toggleAll(true) },
    { name: t("Unfold all subgraph steps"), reason: flat, act: () => view.toggleAll(false) },
    {
      name: t("Copy the thread id"),
      act: () => copy(store.thread.peek()?.thread_id, t("Thread id")),
    },
    {
      name: t("Copy the checkpoint id"),
      act: () => copy(store.selected.peek() ?? undefined, t("Checkpoint id")),
    },
    { name: t("Keys"), key: "?", act: () => (view.help.value = true) },
  ];
  return (
    <div ref={box}>
      <DotsMenu
        label={t("More actions")}
        items={items}
        hint={store.description.value}
        opening={() => setNested(store.tree.peek().inner.some((inner) => inner > 0))}
      />
    </div>
  );
}
