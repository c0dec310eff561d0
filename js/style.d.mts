export function stampedStyle(): Promise<{ css: string; stamp: string; watchFiles: string[] }>;
