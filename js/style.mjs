// The style as text that holds for the displays of one build only, so that two versions on a page never mix:
// `import { css, stamp } from "lgviz:style"`. Each selector stands under [data-lgviz="…"], the stamp of the text.
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";

const entry = join(dirname(fileURLToPath(import.meta.url)), "src", "style.css");
/** The oldest browsers: they do not nest rules, so rules are written out. */
const target = ["chrome111", "firefox110", "safari16"];

/** The text, its stamp, and the files that it is made of. */
export async function stampedStyle() {
  const bundled = await build({ entryPoints: [entry], bundle: true, write: false, metafile: true });
  const text = bundled.outputFiles[0].text;
  const stamp = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const { rules, keyframes } = apart(text);
  const named = keyframes.map((block) => /@keyframes\s+([\w-]+)/.exec(block)[1]);
  const anew = (css) => css.replace(new RegExp(`\\b(${named.join("|")})\\b(?!-)`, "g"), `$1-${stamp}`);
  // Names of animations hold for the whole page, and must stand outside of other rules.
  const animations = rules.replace(/\banimation(-name)?\s*:[^;}]*/g, anew);
  const scoped = `${anew(keyframes.join("\n"))}\n[data-lgviz="${stamp}"] {\n${animations}\n}`;
  const { code } = await transform(scoped, { loader: "css", minify: true, target });
  return { css: code.trim(), stamp, watchFiles: Object.keys(bundled.metafile.inputs) };
}

/** Parts the animations from the other rules. */
function apart(text) {
  const keyframes = [];
  let rules = "";
  let at = 0;
  for (;;) {
    const start = text.indexOf("@keyframes", at);
    if (start < 0) return { rules: rules + text.slice(at), keyframes };
    rules += text.slice(at, start);
    let depth = 0;
    for (at = text.indexOf("{", start); ; at++) {
      if (text[at] === "{") depth++;
      else if (text[at] === "}" && --depth === 0) break;
    }
    keyframes.push(text.slice(start, ++at));
  }
}

/** The plugin of esbuild that gives "lgviz:style". */
export const style = {
  name: "lgviz-style",
  setup(builder) {
    builder.onResolve({ filter: /^lgviz:style$/ }, ({ path }) => ({ path, namespace: "lgviz-style" }));
    builder.onLoad({ filter: /.*/, namespace: "lgviz-style" }, async () => {
      const { css, stamp, watchFiles } = await stampedStyle();
      const contents = `export const css = ${JSON.stringify(css)}; export const stamp = "${stamp}";`;
      return { contents, watchFiles };
    });
  },
};
