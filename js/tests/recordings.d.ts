// A recording is what js/scripts/record.py wrote: exchanges, not the shape of each.
declare module "*.json" {
  const exchanges: import("../src/source/embedded").Exchange[];
  export default exchanges;
}

interface ImportMeta {
  /** Files of the source as text; vite puts them in. */
  glob<T>(pattern: string, options: { query: string; import: string; eager: true }): Record<string, T>;
}
