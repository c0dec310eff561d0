// Markdown drawn from its tokens, element by element: nothing of a text ever becomes HTML, a link or a request.

import { lexer, type Token, type Tokens } from "marked";
import type { ComponentChildren, ComponentProps, JSX } from "preact";
import { useContext, useMemo } from "preact/hooks";
import { t } from "../../lib/words";
import { Sought, Words } from "../find/found";
import { Rendered } from "../ui/rendered";
import { Text } from "./text";

/** Longer texts, deeper and more tokens are shown as they are stored: a text may be made to take for ever. */
const LONGEST = 20_000;
const DEEPEST = 16;
const MOST = 4_000;
const MARKS = 300;

const MARKED =
  /^(#{1,6} \S|\s{0,8}[-*+] \S|\s{0,8}\d{1,3}[.)] \S|> |```|~~~|\|.+\|)|\*\*\S[^*\n]{0,200}\*\*|`[^`\n]{1,200}`|\[[^\]\n]{1,200}\]\([^)\n]{1,500}\)/m;

interface ProseProps {
  text: string;
  /** Never as markdown: what a tool gave back is data. */
  plain?: boolean;
  children: ComponentChildren;
}

/** A text as markdown where it is some, and values are drawn; else what is inside. */
export function Prose({ text, plain = false, children }: ProseProps) {
  const rendered = useContext(Rendered);
  const sought = useContext(Sought);
  const wanted = rendered && sought === null && !plain;
  const tokens = useMemo(() => (wanted ? tokensOf(text) : null), [wanted, text]);
  if (tokens === null) return <>{children}</>;
  return (
    <div class="lgviz-md" data-testid="lgviz-markdown">
      {tokens.map((token, i) => (
        <Block key={i} token={token} />
      ))}
    </div>
  );
}

interface ProseTextProps extends Omit<ComponentProps<typeof Text>, "children"> {
  /** The class of the element that holds it where it is no markdown. */
  class: string;
}

/** A long text, as markdown where it is some. */
export function ProseText({ class: name, ...shown }: ProseTextProps) {
  return (
    <Text {...shown}>
      {(text) => (
        <Prose text={text}>
          <div class={name}>
            <Words text={text} />
          </div>
        </Prose>
      )}
    </Text>
  );
}

/** The tokens of a text; null where it is no markdown, or too much of it. */
export function tokensOf(text: string): Token[] | null {
  if (text.length > LONGEST || !MARKED.test(text) || isKnotted(text)) return null;
  try {
    const tokens = lexer(text, { gfm: true, breaks: true });
    return counted(tokens, 0) <= MOST ? tokens : null;
  } catch {
    return null;
  }
}

/** What makes a lexer slow: quotes and lists inside one another, and very many marks in one paragraph. */
function isKnotted(text: string): boolean {
  if (new RegExp(`^(\\s*[>*+-]\\s?){${DEEPEST}}`, "m").test(text)) return true;
  return text.split(/\n\s*\n/).some((part) => (part.match(/[*_~[\]`<|!]/g)?.length ?? 0) > MARKS);
}

function counted(tokens: readonly Token[], depth: number): number {
  if (depth > DEEPEST) return MOST + 1;
  let sum = 0;
  for (const token of tokens) {
    sum += 1 + counted(inside(token), depth + 1);
    if (sum > MOST) break;
  }
  return sum;
}

function inside(token: Token): Token[] {
  if (token.type === "list") return (token as Tokens.List).items;
  if (token.type === "table") {
    const { header, rows } = token as Tokens.Table;
    return [...header, ...rows.flat()].flatMap((cell) => cell.tokens);
  }
  return ("tokens" in token && token.tokens) || [];
}

function Block({ token }: { token: Token }): JSX.Element | null {
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading":
      return (
        <p class={`lgviz-md-head is-${(token as Tokens.Heading).depth}`}>
          <Inline tokens={inside(token)} />
        </p>
      );
    case "paragraph":
      return (
        <p>
          <Inline tokens={inside(token)} />
        </p>
      );
    case "code":
      return <Code code={token as Tokens.Code} />;
    case "blockquote":
      return (
        <blockquote>
          <Blocks tokens={inside(token)} />
        </blockquote>
      );
    case "list":
      return <List list={token as Tokens.List} />;
    case "table":
      return <Grid table={token as Tokens.Table} />;
    case "hr":
      return <hr />;
    default:
      return <Piece token={token} />;
  }
}

function Blocks({ tokens }: { tokens: readonly Token[] }) {
  return (
    <>
      {tokens.map((token, i) => (
        <Block key={i} token={token} />
      ))}
    </>
  );
}

function Code({ code }: { code: Tokens.Code }) {
  return (
    <div class="lgviz-md-code">
      {code.lang && <span class="lgviz-faint">{code.lang.slice(0, 30)}</span>}
      <code>{code.text}</code>
    </div>
  );
}

function List({ list }: { list: Tokens.List }) {
  const items = list.items.map((item, i) => (
    <li key={i}>
      {item.task && (item.checked ? "☑ " : "☐ ")}
      <Blocks tokens={item.tokens.filter((token) => token.type !== "checkbox")} />
    </li>
  ));
  return list.ordered ? <ol start={Number(list.start) || 1}>{items}</ol> : <ul>{items}</ul>;
}

function Grid({ table }: { table: Tokens.Table }) {
  return (
    <table>
      <thead>
        <tr>
          {table.header.map((cell, i) => (
            <th key={i} scope="col">
              <Inline tokens={cell.tokens} />
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {table.rows.map((row, i) => (
          <tr key={i}>
            {row.map((cell, j) => (
              <td key={j}>
                <Inline tokens={cell.tokens} />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Inline({ tokens }: { tokens: readonly Token[] }) {
  return (
    <>
      {tokens.map((token, i) => (
        <Piece key={i} token={token} />
      ))}
    </>
  );
}

function plain(text: string): JSX.Element {
  return <span>{text}</span>;
}

function Piece({ token }: { token: Token }): JSX.Element {
  const within = inside(token);
  switch (token.type) {
    case "strong":
      return (
        <strong>
          <Inline tokens={within} />
        </strong>
      );
    case "em":
      return (
        <em>
          <Inline tokens={within} />
        </em>
      );
    case "del":
      return (
        <s>
          <Inline tokens={within} />
        </s>
      );
    case "codespan":
      return <code>{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br />;
    case "link":
      return <Link link={token as Tokens.Link} />;
    case "image": {
      const { text, href } = token as Tokens.Image;
      return (
        <span class="lgviz-md-link">
          {t("[picture: {name}]", { name: text || "…" })}{" "}
          <span class="lgviz-faint">{href.slice(0, 200)}</span>
        </span>
      );
    }
    case "text":
    case "escape":
      return within.length > 0 ? <Inline tokens={within} /> : plain((token as Tokens.Text).text);
    default:
      return plain(token.raw);
  }
}

/** A link is shown with where it leads, and leads nowhere. */
function Link({ link }: { link: Tokens.Link }) {
  return (
    <span class="lgviz-md-link">
      <Inline tokens={inside(link)} />
      {link.text !== link.href && <span class="lgviz-faint"> ({link.href.slice(0, 200)})</span>}
    </span>
  );
}
