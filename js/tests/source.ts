// What the source says to its readers: the texts given to `t`, `tn` and `tx`, and those that were not.
import { type Node, type SourceFile, SyntaxKind } from "typescript/unstable/ast";
import {
  isBinaryExpression,
  isCallExpression,
  isConditionalExpression,
  isIdentifier,
  isImportDeclaration,
  isJsxAttribute,
  isJsxExpression,
  isJsxText,
  isNoSubstitutionTemplateLiteral,
  isParenthesizedExpression,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isStringLiteral,
  isTemplateExpression,
  isTypeNode,
} from "typescript/unstable/ast/is";
import { API } from "typescript/unstable/sync";

/** Attributes and properties whose value a person reads or hears. */
const READ =
  /^(title|placeholder|alt|label|name|hint|reason|disabled|text|aria-(label|description|valuetext|roledescription|placeholder))$/;
/** Attributes that hold no words, even where they hold spaces. */
const UNREAD = /^(class|d|style|key|id|role|type|data-.*|aria-.*)$/;
/** Calls whose arguments nobody reads: selectors, names of events, what a developer's console says. */
const UNREAD_CALLS = /^(querySelector(All)?|closest|matches|focus|matchMedia|warn|error|includes|join)$/;
/** How many of the first arguments are texts. */
const CALLS: Readonly<Record<string, number>> = { t: 1, tn: 2, tx: 1 };
/** Two words, which is no class, selector or drawing. */
const SENTENCE = /\p{L}{2,}[,:;.]? \p{L}/u;

export interface Said {
  /** Every text in English, with the place that uses it first. */
  keys: Map<string, string>;
  /** Words that reach no catalogue, as `file:line: words`. */
  literal: string[];
}

/** Reads the files of `src` that `wanted` takes, by the compiler's own parser. */
export function said(wanted: (file: string) => boolean, code: (text: string) => boolean): Said {
  const root = new URL("../", import.meta.url).pathname;
  const api = new API({ cwd: root });
  try {
    const found: Said = { keys: new Map(), literal: [] };
    const project = api.updateSnapshot({ openProject: `${root}tsconfig.json` }).getProjects()[0];
    for (const path of project?.rootFiles ?? []) {
      const file = path.slice(root.length);
      const source =
        file.startsWith("src/") && wanted(file) ? project?.program.getSourceFile(path) : undefined;
      if (source) new Reader(file, source, code, found).read(source, false);
    }
    return found;
  } finally {
    api.close();
  }
}

class Reader {
  readonly #file: string;
  readonly #source: SourceFile;
  readonly #code: (text: string) => boolean;
  readonly #found: Said;

  constructor(file: string, source: SourceFile, code: (text: string) => boolean, found: Said) {
    this.#file = file;
    this.#source = source;
    this.#code = code;
    this.#found = found;
  }

  /** `shown`: what a string here says is read by a person. */
  read(node: Node, shown: boolean): void {
    if (isImportDeclaration(node) || isTypeNode(node)) return;
    if (isCallExpression(node)) this.#call(node);
    else if (isJsxText(node)) this.#words(node, node.text, true);
    else if (isJsxAttribute(node)) {
      const name = node.name.getText(this.#source);
      if (node.initializer && (READ.test(name) || !UNREAD.test(name)))
        this.read(node.initializer, READ.test(name));
    } else if (isPropertyAssignment(node)) {
      const read = this.#file.endsWith(".tsx") && READ.test(node.name.getText(this.#source));
      this.read(node.initializer, shown || read);
    } else if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node))
      this.#words(node, node.text, shown);
    else if (isTemplateExpression(node)) {
      this.#words(
        node,
        [node.head.text, ...node.templateSpans.map((span) => span.literal.text)].join("{}"),
        shown,
      );
      for (const span of node.templateSpans) this.read(span.expression, shown);
    } else if (isConditionalExpression(node)) {
      this.read(node.condition, false);
      this.read(node.whenTrue, shown);
      this.read(node.whenFalse, shown);
    } else if (isBinaryExpression(node)) {
      const gives = [
        SyntaxKind.PlusToken,
        SyntaxKind.AmpersandAmpersandToken,
        SyntaxKind.BarBarToken,
        SyntaxKind.QuestionQuestionToken,
      ].includes(node.operatorToken.kind);
      this.read(node.left, shown && gives);
      this.read(node.right, shown && gives);
    } else this.#inside(node, shown);
  }

  #inside(node: Node, shown: boolean): void {
    const child = isJsxExpression(node) && node.parent.kind !== SyntaxKind.JsxAttribute;
    const passes = isJsxExpression(node) || isParenthesizedExpression(node);
    node.forEachChild((inner) => {
      this.read(inner, child || (passes && shown));
      return undefined;
    });
  }

  #call(node: Node & { expression: Node; arguments: readonly Node[] }): void {
    const { expression } = node;
    const name = isIdentifier(expression)
      ? expression.text
      : isPropertyAccessExpression(expression)
        ? expression.name.text
        : "";
    const texts = isIdentifier(expression) ? (CALLS[name] ?? 0) : 0;
    for (const text of node.arguments.slice(0, texts)) this.#key(text);
    this.read(expression, false);
    if (UNREAD_CALLS.test(name)) return;
    for (const argument of node.arguments.slice(texts)) this.read(argument, texts > 0);
  }

  #key(node: Node): void {
    if (isConditionalExpression(node)) {
      this.#key(node.whenTrue);
      this.#key(node.whenFalse);
    } else if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node)) {
      if (!this.#found.keys.has(node.text)) this.#found.keys.set(node.text, this.#place(node));
    } else {
      this.#found.literal.push(`${this.#place(node)}: made as it goes: ${node.getText(this.#source)}`);
    }
  }

  #words(node: Node, text: string, shown: boolean): void {
    const words = shown ? /\p{L}/u.test(text) : SENTENCE.test(text);
    if (words && !this.#code(text.trim())) this.#found.literal.push(`${this.#place(node)}: ${text.trim()}`);
  }

  #place(node: Node): string {
    const line = this.#source.text.slice(0, node.getStart(this.#source)).split("\n").length;
    return `${this.#file}:${line}`;
  }
}
