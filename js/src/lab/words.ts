// The language of the plugins is the one that JupyterLab was set to.
import type { ITranslator } from "@jupyterlab/translation";
import { speakAs } from "../lib/words";

/** Takes JupyterLab's language for all debuggers of the page. */
export function speak(translator: ITranslator | null): void {
  if (translator) speakAs(translator.languageCode);
}
