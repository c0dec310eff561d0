// Two texts compared, as lines: what stayed, what went, what came, and folds where much stayed.
import type { TextPart } from "../protocol";

/** A stretch of a line; `marked`: only this side has it. */
export interface Piece {
  /** The place of its part. */
  part: number;
  text: string;
  marked: boolean;
  /** It stands for what its part left out. */
  fold: boolean;
}

export interface Line {
  sign: " " | "-" | "+";
  pieces: Piece[];
}

/** Lines in the order of a unified diff. A fold between whole lines has a line of its own, with the sign of what stayed. */
export function lines(parts: readonly TextPart[]): Line[] {
  const done: Line[] = [];
  const sides = { "-": new Side(), "+": new Side() };
  const [old, fresh] = [sides["-"], sides["+"]];
  const settle = () => {
    done.push(...old.lines.map((pieces): Line => ({ sign: "-", pieces })));
    done.push(...fresh.lines.map((pieces): Line => ({ sign: "+", pieces })));
    old.lines = [];
    fresh.lines = [];
  };
  /** What both have at the end of a line that neither changed. */
  const kept = (pieces: Piece[]) => {
    settle();
    done.push({ sign: " ", pieces });
  };
  parts.forEach(({ op, text, left_out }, part) => {
    for (const piece of pieces(part, text, op !== "=", left_out)) {
      const ends = piece.text.endsWith("\n");
      if (op !== "=") {
        sides[op].add(piece, ends);
      } else if (piece.fold && old.line.length === 0 && fresh.line.length === 0) {
        kept([piece]);
      } else if (ends && alike(old.line, fresh.line)) {
        kept([...fresh.line, piece]);
        old.line = [];
        fresh.line = [];
      } else {
        old.add(piece, ends);
        fresh.add(piece, ends);
      }
    }
  });
  if (alike(old.line, fresh.line)) {
    if (fresh.line.length > 0) kept(fresh.line);
  } else {
    old.end();
    fresh.end();
  }
  settle();
  return done;
}

class Side {
  lines: Piece[][] = [];
  line: Piece[] = [];

  add(piece: Piece, ends: boolean): void {
    this.line.push(piece);
    if (ends) this.end();
  }

  end(): void {
    if (this.line.length > 0) this.lines.push(this.line);
    this.line = [];
  }
}

function pieces(part: number, text: string, marked: boolean, leftOut: number): Piece[] {
  const found = text.split(/(?<=\n)/).map((one): Piece => ({ part, text: one, marked, fold: false }));
  if (text === "") found.pop();
  if (leftOut > 0) found.push({ part, text: "", marked, fold: true });
  return found;
}

/** Whether both sides of a line are the same so far. */
function alike(old: readonly Piece[], fresh: readonly Piece[]): boolean {
  return old.length === fresh.length && old.every((piece, i) => piece === fresh[i]);
}
