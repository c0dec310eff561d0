// Builds src/lab/ into ../lgviz/labextension/, the prebuilt extension of JupyterLab and Notebook 7.
//
// esbuild makes the code, as for the widget; `jupyter-builder build` (a Python program that JupyterLab 4.6 brings) makes of it what
// JupyterLab loads, with JupyterLab's own packages shared and none bundled.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
const made = join(here, "build", "lab");
const output = join(root, "lgviz", "labextension");
const NAME = "lgviz";

/** Builds it by the options of the widget's build, stamped with what it is built from. */
export async function buildLab(options, stamp) {
  if (!existsSync(join(here, "node_modules", "@jupyter", "builder"))) {
    console.warn("The extension of JupyterLab is not built: `npm ci` installs what that needs.");
    return;
  }
  const about = packageOf(stamp);
  if (isFresh(about)) return;
  rmSync(made, { recursive: true, force: true });
  await build({
    ...options,
    entryPoints: [join(here, "src", "lab", "index.ts")],
    outdir: join(made, "lib"),
    external: ["@jupyterlab/*", "@lumino/*"],
    splitting: true,
    banner: {},
  });
  cpSync(join(here, "src", "lab", "schema"), join(made, "schema"), { recursive: true });
  writeFileSync(join(made, "package.json"), JSON.stringify(about, null, 2));
  // Else the builder installs packages there.
  symlinkSync(join(here, "node_modules"), join(made, "node_modules"), "junction");
  mkdirSync(output, { recursive: true });
  const path = [join(root, ".venv", "bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path };
  const ran = spawnSync("jupyter-builder", ["build", made], { env, encoding: "utf8" });
  if (ran.status !== 0) {
    const said = ran.error ? "jupyter-builder is missing: `make setup` installs it" : ran.stdout + ran.stderr;
    throw new Error(`The extension of JupyterLab was not built. ${said}`);
  }
  const install = {
    packageManager: "python",
    packageName: NAME,
    uninstallInstructions: `Use your Python package manager (pip, uv, conda) to uninstall the package ${NAME}.`,
  };
  writeFileSync(join(output, "install.json"), `${JSON.stringify(install, null, 2)}\n`);
}

function isFresh(about) {
  const file = join(output, "install.json");
  if (!existsSync(file)) return false;
  const there = JSON.parse(readFileSync(join(output, "package.json"), "utf8"));
  return there.stamp === about.stamp && there.version === about.version;
}

/** What JupyterLab reads of the extension; its version is that of the Python package. */
function packageOf(stamp) {
  const { license, devDependencies } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
  const [, version] = /__version__ = "(.+)"/.exec(readFileSync(join(root, "lgviz", "_version.py"), "utf8"));
  return {
    name: NAME,
    version,
    stamp,
    license,
    description: "The visual time-travel debugger for LangGraph persistence",
    main: "lib/index.js",
    dependencies: {},
    devDependencies: { "@jupyter/builder": devDependencies["@jupyter/builder"] },
    jupyterlab: { extension: true, outputDir: "../../../lgviz/labextension", schemaDir: "schema" },
  };
}
