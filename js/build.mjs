// Bundles src/widget.ts, with its style, and src/loader.ts into ../lgviz/static/; `--watch` does so on every change.
//
// Each starts with a stamp of what it was built from, so that a wheel is never made with a stale one
// (.ci/hatch_build.py computes the same stamp), and a loader runs no bundle but that of its own build.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";
import { style } from "./style.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** SHA-256 over path and bytes of every source file, in order of path: line ends as committed. */
function stamp() {
  const files = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => relative(here, join(file.parentPath, file.name)).replaceAll("\\", "/"));
  const hash = createHash("sha256");
  for (const path of [...files, "build.mjs", "package-lock.json", "style.mjs"].sort()) {
    hash.update(`${path}\0`).update(readFileSync(join(here, path)));
  }
  return hash.digest("hex").slice(0, 16);
}

const watch = process.argv.includes("--watch");
const banner = `/* lgviz ${watch ? "dev" : stamp()} */`;
const options = {
  entryPoints: ["widget.ts", "loader.ts"].map((name) => join(here, "src", name)),
  outdir: join(here, "..", "lgviz", "static"),
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  charset: "utf8",
  minify: !watch,
  sourcemap: watch ? "inline" : false,
  banner: { js: banner },
  plugins: [style],
  logLevel: "info",
};

if (watch) await (await context(options)).watch();
else await build(options).catch(() => process.exit(1));
