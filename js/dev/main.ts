// ?demo=…&thread=…&dark&pause=…&height=…&width=…: one display on a recorded demo, without Python.
import { mount } from "../src/mount";
import { EmbeddedSource } from "../src/source/embedded";
import { type Name, RECORDINGS } from "../tests/recorded";

const query = new URLSearchParams(location.search);
const demo = (query.get("demo") ?? "agent") as Name;
document.body.dataset.jpThemeLight = String(!query.has("dark"));
document.body.style.background = query.has("dark") ? "#111" : "#fff";
const element = document.getElementById("app") as HTMLElement;
element.style.maxWidth = `${query.get("width") ?? 1180}px`;
const mounted = mount(element, {
  source: new EmbeddedSource(RECORDINGS[demo], Number(query.get("pause") ?? 0)),
  threadId: query.get("thread"),
  height: Number(query.get("height") ?? 668),
});
Object.assign(window, { mounted });
