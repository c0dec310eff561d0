// A recording is what js/scripts/record.py wrote: exchanges, not the shape of each.
declare module "*.json" {
  const exchanges: import("../src/source/embedded").Exchange[];
  export default exchanges;
}
