import { defineConfig } from "vitest/config";

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  resolve: { alias: { "lgviz:style": new URL("tests/style.ts", import.meta.url).pathname } },
  test: { environment: "happy-dom", include: ["tests/**/*.test.{ts,tsx}"] },
});
