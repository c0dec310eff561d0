// Made by style.mjs from style.css.
declare module "lgviz:style" {
  export const css: string;
  export const stamp: string;
}
