// ?thread=…&dark&delay=…&height=…&readonly: one display; the fake is at window.fake for tests by hand.
import { mount } from "../src/mount";
import { FakeSource } from "./fake";

const query = new URLSearchParams(location.search);
const fake = new FakeSource();
fake.delay = Number(query.get("delay") ?? 0);
if (query.has("readonly"))
  fake.readOnly = "checkpoints.db is opened read-only: nothing can be forked or run here.";
document.body.dataset.jpThemeLight = String(!query.has("dark"));
document.body.style.background = query.has("dark") ? "#111" : "#fff";
const element = document.getElementById("app") as HTMLElement;
element.style.maxWidth = `${query.get("width") ?? 1180}px`;
const mounted = mount(element, {
  source: fake,
  threadId: query.get("thread") ?? "trip-42",
  height: Number(query.get("height") ?? 668),
});
Object.assign(window, { fake, mounted });
