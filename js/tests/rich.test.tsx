import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { gather, type Load } from "../src/lib/paging";
import type { MediaView, TableView, ValueNode } from "../src/protocol";
import { Prose, tokensOf } from "../src/view/inspector/markdown";
import { Message, Value } from "../src/view/inspector/value";
import { Rendered } from "../src/view/ui/rendered";
import { message } from "./views";

let host: HTMLElement;
beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
});
afterEach(() => {
  render(null, host);
  host.remove();
});

function all(id: string): HTMLElement[] {
  return [...host.querySelectorAll<HTMLElement>(`[data-testid="lgviz-${id}"]`)];
}

function drawn(view: preact.ComponentChild, rendered = true): void {
  render(<Rendered.Provider value={rendered}>{view}</Rendered.Provider>, host);
}

const picture: MediaView = {
  kind: "image",
  mime: "image/png",
  name: null,
  size: 34_000,
  pixels: [800, 600],
  where: null,
};

function node(kind: ValueNode["kind"], more: Partial<ValueNode>): ValueNode {
  return { kind, type: kind, text: "", size: null, more: 0, ...more };
}

/** A load that has bytes for every path; the paths asked for are noted. */
function withBytes(bytes: number[]): { load: Load; asked: (readonly number[])[] } {
  const asked: (readonly number[])[] = [];
  const load: Load = async () => node("string", {});
  load.media = async (path) => {
    asked.push(path);
    return { mime: "image/png", data: new DataView(new Uint8Array(bytes).buffer) };
  };
  return { load, asked };
}

describe("markdown", () => {
  const text =
    "# Plan\n\nSome **bold** and `code`, [a link](https://e.example) ![p](https://e.example/p.png)\n\n" +
    '- one\n- two\n\n```python\nx = "<b>"\n```\n\n| a |\n|---|\n| 1 |\n\n<img src=x onerror=alert(1)><script>alert(1)</script>';

  it("is drawn as elements that fetch and run nothing", () => {
    drawn(<Prose text={text}>plain</Prose>);
    const [md] = all("markdown") as [HTMLElement];
    expect(md.querySelector(".lgviz-md-head")?.textContent).toBe("Plan");
    expect(md.querySelector("strong")?.textContent).toBe("bold");
    expect([...md.querySelectorAll("li")].map((one) => one.textContent?.trim())).toEqual(["one", "two"]);
    expect(md.querySelector(".lgviz-md-code code")?.textContent).toBe('x = "<b>"');
    expect(md.querySelector("td")?.textContent).toBe("1");
    expect(md.textContent).toContain("a link (https://e.example)");
    expect(md.textContent).toContain("<img src=x onerror=alert(1)><script>alert(1)</script>");
    expect(md.querySelector("a, img, script, iframe, [href], [src], [style]")).toBeNull();
  });

  it("is shown as it is stored until one asks, and where it is none", () => {
    drawn(<Prose text={text}>plain</Prose>, false);
    expect(host.textContent).toBe("plain");
    drawn(<Prose text="3 * 4 is 12, and a_b_c stays">plain</Prose>);
    expect(host.textContent).toBe("plain");
    drawn(
      <Prose text={text} plain>
        plain
      </Prose>,
    );
    expect(host.textContent).toBe("plain");
  });

  it("takes no time on a text made to take for ever", () => {
    const hostile = [
      `# x\n${">".repeat(5_000)} deep`,
      `${"- ".repeat(5_000)}deep`,
      `# x\n${"[".repeat(9_000)}`,
      `# x\n${"*a ".repeat(6_000)}`,
      `# x\n${"![](".repeat(4_000)}`,
      `# x\n${"`".repeat(9_000)}a`,
      `# x\n${"<".repeat(9_000)}`,
      `# x\n${"|".repeat(9_000)}\n${"|-".repeat(4_000)}`,
      `# x\n${"_a*".repeat(6_000)}`,
      `# x\n${"a\n".repeat(9_000)}`,
      "# x ".repeat(9_000),
      `# x\n\n${`${"_a*".repeat(99)}\n\n`.repeat(60)}`,
      `# x\n\n${`${"[a](".repeat(74)}\n\n`.repeat(60)}`,
    ];
    for (const one of hostile) {
      // Of the processor, whatever else it does.
      const started = process.cpuUsage();
      tokensOf(one);
      expect(process.cpuUsage(started).user / 1_000, one.slice(0, 20)).toBeLessThan(1_500);
    }
  });
});

describe("a picture", () => {
  it("is drawn from the bytes that the value holds", async () => {
    const { load, asked } = withBytes([1, 2, 3]);
    drawn(<Value node={node("bytes", { size: 3, media: picture })} path={[4]} load={load} open />);
    await vi.waitFor(() => expect(host.querySelector("img")).not.toBeNull());
    const img = host.querySelector("img") as HTMLImageElement;
    expect(img.getAttribute("src")).toBe("data:image/png;base64,AQID");
    expect([img.getAttribute("width"), img.getAttribute("height")]).toEqual(["800", "600"]);
    expect(asked).toEqual([[4]]);
    expect(host.textContent).toContain("image/png · 800 × 600 · 34 KB");
  });

  it("of a hostile source, a large one and a drawing are drawn when one asks", async () => {
    const cases: [MediaView, boolean][] = [
      [picture, false],
      [{ ...picture, size: 5_000_000 }, true],
      [{ ...picture, pixels: [9_000, 9_000] }, true],
      [{ ...picture, mime: "image/svg+xml", pixels: null }, true],
    ];
    for (const [media, rendered] of cases) {
      render(null, host);
      const { load, asked } = withBytes([1]);
      drawn(<Value node={node("bytes", { size: 1, media })} path={[]} load={load} open />, rendered);
      expect(host.querySelector("img")).toBeNull();
      expect(asked).toEqual([]);
      host.querySelector<HTMLElement>("figure .lgviz-link")?.click();
      await vi.waitFor(() => expect(host.querySelector("img")).not.toBeNull());
    }
  });

  it("that unpacks to more than a browser holds, or is a file, is never drawn", () => {
    const { load } = withBytes([1]);
    for (const media of [
      { ...picture, pixels: [60_000, 60_000] },
      { ...picture, kind: "file", mime: "text/html" } as const,
    ]) {
      render(null, host);
      drawn(<Value node={node("bytes", { size: 1, media })} path={[]} load={load} open />);
      expect(host.querySelector("img, audio, video, iframe, object, embed, figure .lgviz-link")).toBeNull();
    }
  });

  it("that lies elsewhere is named, and not fetched", () => {
    const { load, asked } = withBytes([1]);
    const media = { ...picture, mime: "", size: null, pixels: null, where: "https://a.example/b.png" };
    const block = { kind: "media" as const, text: "", more: 0, path: [0, 1], media, value: null };
    drawn(<Message message={message({ blocks: [block] })} path={[2]} load={load} />);
    expect(all("media")[0]?.textContent).toBe("imagehttps://a.example/b.pngnot fetched");
    expect(asked).toEqual([]);
    expect(host.querySelector("img, a, button")).toBeNull();
  });
});

describe("a message", () => {
  it("shows what was thought, in a line until one opens it", async () => {
    const block = {
      kind: "reasoning",
      text: "First. Then.",
      more: 0,
      path: [0, 0, 1],
      media: null,
      value: null,
    };
    drawn(<Message message={message({ blocks: [block as never] })} />);
    const [thought] = all("reasoning") as [HTMLElement];
    expect(thought.textContent).toBe("reasoning …First. Then.");
    thought.querySelector("button")?.click();
    await vi.waitFor(() =>
      expect(thought.querySelector(".lgviz-message-text")?.textContent).toBe("First. Then."),
    );
  });

  it("shows calls that could not be read, tokens, and an unusual end", () => {
    const call = { name: "look", args: '{"at": ', error: "It ends." };
    const usage = { input: 3, output: 4, total: 7, models: ["m"], cost: null };
    drawn(<Message message={message({ invalid_tool_calls: [call], usage, finish: "length" })} />);
    expect(all("invalid-call")[0]?.textContent).toBe('look({"at": )not validIt ends.');
    expect(host.querySelector(".lgviz-answered")?.textContent).toBe("7 tokens · mended by length");
    drawn(<Message message={message({ text: "hi", usage: null, finish: "stop" })} />);
    expect(host.querySelector(".lgviz-answered")).toBeNull();
  });
});

describe("a table", () => {
  const table: TableView = {
    columns: ["city", "n"],
    dtypes: ["str", "int64"],
    index: ["0", "1"],
    rows: [
      ["Rome", "1"],
      ['a, "b"', "2"],
    ],
    width: 2,
  };
  const frame = node("frame", { type: "DataFrame", size: 3, more: 1, table });
  const load: Load = async (path, offset) => {
    expect([path, offset]).toEqual([[7], 2]);
    return { ...frame, table: { ...table, index: ["2"], rows: [["Oslo", "3"]] } };
  };

  it("shows its rows, and more when asked", async () => {
    drawn(<Value node={{ ...frame, table: { ...table, width: 900 } }} path={[7]} load={load} open />);
    const heads = [...host.querySelectorAll("thead th, thead td")].map((one) => one.textContent);
    expect(heads).toEqual(["", "citystr", "nint64", "898 more columns"]);
    const more = host.querySelector<HTMLElement>('[data-testid="lgviz-table"] > .lgviz-link');
    expect(more?.textContent).toBe("show 1 more row");
    more?.click();
    await vi.waitFor(() => expect(host.querySelectorAll("tbody tr")).toHaveLength(3));
    expect(host.querySelector("tbody tr:last-child")?.textContent).toBe("2Oslo3");
  });

  it("brings the columns that did not come with the state, and keeps them in the rows that follow", async () => {
    const wide = { columns: ["city", "n", "at"], dtypes: ["str", "int64", "str"], width: 300 };
    const asked: number[][] = [];
    const all: Load = async (_path, offset, limit) => {
      asked.push([offset, limit]);
      const rows = [
        ["Rome", "1", "a"],
        ["Bern", "2", "b"],
        ["Oslo", "3", "c"],
      ].slice(offset, offset + limit); // prettier-ignore
      return { ...frame, table: { ...wide, index: rows.map((_, i) => `${offset + i}`), rows } };
    };
    drawn(<Value node={{ ...frame, table: { ...table, width: 300 } }} path={[7]} load={all} open />);
    host.querySelector<HTMLElement>("thead .lgviz-link")?.click();
    await vi.waitFor(() => expect(host.querySelectorAll("thead th")).toHaveLength(3));
    expect(host.querySelector("thead td:last-child")?.textContent).toBe("297 more columns");
    expect(host.querySelector("thead .lgviz-link")).toBeNull();
    host.querySelector<HTMLElement>(".lgviz-table-box > .lgviz-link")?.click();
    await vi.waitFor(() => expect(host.querySelector("tbody tr:last-child")?.textContent).toBe("2Oslo3c"));
    expect(asked).toEqual([
      [0, 2],
      [2, 50],
    ]);
  });

  it("is copied as comma-separated values, whole or not at all", async () => {
    expect(await gather(frame, load, [7])).toBe(',city,n\n0,Rome,1\n1,"a, ""b""",2\n2,Oslo,3');
    const wide = { ...frame, table: { ...table, width: 900 } };
    const narrow: Load = async () => wide;
    await expect(gather(wide, narrow, [7])).rejects.toThrow("too large");
    const two = { ...frame, size: 2, more: 0, table: { ...table, columns: ["city"], width: 2 } };
    const whole: Load = async () => ({ ...two, table });
    expect(await gather(two, whole, [7])).toBe(',city,n\n0,Rome,1\n1,"a, ""b""",2');
  });
});

it("says of an array what it is as a whole", () => {
  const array = { dtype: "float64", shape: [2, 3], low: "1", high: "6", mean: "3.7", holes: 1 };
  drawn(<Value node={node("array", { type: "ndarray", size: 2, array })} name="a" />);
  expect(host.querySelector(".lgviz-figures")?.textContent).toBe(
    "float64 · 2 × 3 · 1 to 6, mean 3.7 · 1 NaN",
  );
});
