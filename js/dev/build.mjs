// Bundles the harness: `node dev/build.mjs`, then open dev/index.html (`--serve` serves and rebuilds).
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, context } from "esbuild";
import { style } from "../style.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const options = {
  entryPoints: [join(here, "main.ts")],
  outdir: join(here, "out"),
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  sourcemap: "inline",
  plugins: [style],
};
if (process.argv.includes("--serve")) {
  const { port } = await (await context(options)).serve({ servedir: here });
  console.log(`http://127.0.0.1:${port}`);
} else await build(options);
