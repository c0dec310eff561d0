// The entry of a static page: the debugger over the thread that lies in the file.
import { still } from "./lib/still";
import { LANGUAGES, language, speakAs } from "./lib/words";
import { mount } from "./mount";
import { type PageData, PageSource } from "./source/page";

interface Page {
  /** The thread, unpacked: its head, then a part on each line. */
  data: Promise<string>;
}

/** Shows it in all of the window. Called by the page itself. */
export async function show(): Promise<void> {
  const { lgvizPage } = globalThis as unknown as { lgvizPage: Page };
  const element = document.getElementById("lgviz") as HTMLElement;
  const [head, ...parts] = (await lgvizPage.data).split("\n");
  const data = JSON.parse(head as string) as PageData;
  still.value = true;
  speakAs(navigator.language);
  document.documentElement.lang = language.value in LANGUAGES ? language.value : "en";
  const mounted = mount(element, {
    source: new PageSource(data, parts),
    threadId: data.opened.thread.thread_id,
    height: window.innerHeight,
  });
  mounted.view.maximised.value = false;
  window.addEventListener("resize", () => mounted.resize(window.innerHeight));
}
