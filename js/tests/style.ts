// The style, where tests have no need of one.
export const css = "";
export const stamp = "test";
