// Bundles src/widget.ts, with its style, src/loader.ts and src/page.ts into ../lgviz/static/; `--watch` does so on every change. Beside
// them go the licences of the packages that are in the bundle. Then builds JupyterLab's extension (lab.mjs).
//
// Each starts with a stamp of what it was built from, so that a wheel is never made with a stale one
// (.ci/hatch_build.py computes the same stamp), and a loader runs no bundle but that of its own build.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";
import { buildLab } from "./lab.mjs";
import { style } from "./style.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** SHA-256 over path and bytes of every source file, in order of path: line ends as committed. */
function stamp() {
  const files = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => relative(here, join(file.parentPath, file.name)).replaceAll("\\", "/"));
  const hash = createHash("sha256");
  for (const path of [...files, "build.mjs", "lab.mjs", "package-lock.json", "style.mjs"].sort()) {
    hash.update(`${path}\0`).update(readFileSync(join(here, path)));
  }
  return hash.digest("hex").slice(0, 16);
}

/** Writes the licences of the packages whose files are in the bundle, as they ask for. */
function licences({ inputs }) {
  const packages = new Set();
  for (const path of Object.keys(inputs)) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
    if (name) packages.add(name);
  }
  const texts = [...packages].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${name} has no licence file`);
    return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  writeFileSync(join(options.outdir, "licenses.txt"), texts.join(`\n${"-".repeat(80)}\n\n`));
}

const watch = process.argv.includes("--watch");
const banner = `/* lgviz ${watch ? "dev" : stamp()} */`;
const options = {
  entryPoints: ["widget.ts", "loader.ts", "page.ts"].map((name) => join(here, "src", name)),
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
else {
  const { metafile } = await build({ ...options, metafile: true }).catch(() => process.exit(1));
  licences(metafile);
  await buildLab(options, stamp());
}
