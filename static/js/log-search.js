// Hits of a search and where one stands among them; and what to mark inside a line. The server finds
// the lines; the browser only marks what is in view.

import { lastAtMost } from "./log-outline.js";

/** @typedef {{ text: string, isRegex: boolean, isCase: boolean }} Query */
/** @typedef {{ from: number, to: number }} Piece */

export const MAX_HITS = 20_000;
const MAX_MARKED = 4_000; // characters of a line in which hits are marked
const MAX_PIECES = 200;

export class Hits {
  constructor() {
    /** @type {number[]} line numbers, ascending */ this.lines = [];
    this.current = -1; // index in lines
    this.searchedTo = -1; // the last line that was looked at
  }

  /** @param {number[]} lines @param {number} searchedTo */
  add(lines, searchedTo) {
    const last = this.lines.at(-1) ?? -1;
    for (const line of lines) {
      if (line > last && this.lines.length < MAX_HITS) this.lines.push(line);
    }
    this.searchedTo = Math.max(this.searchedTo, searchedTo);
  }

  get isFull() {
    return this.lines.length >= MAX_HITS;
  }

  /** @param {number} line */
  has(line) {
    return this.lines[lastAtMost(this.lines, line)] === line;
  }

  /** @returns {number | null} the line that one stands at */
  get line() {
    return this.lines[this.current] ?? null;
  }

  /**
   * Go to the next hit (direction 1) or the one before (-1), round the end; the first time to the
   * nearest one from `line` on, or, where there is none, to the nearest at all.
   * @param {1 | -1} direction
   * @param {number} line
   * @returns {number | null}
   */
  go(direction, line) {
    const count = this.lines.length;
    if (count === 0) return null;
    if (this.current < 0) {
      const nearest = direction > 0 ? lastAtMost(this.lines, line - 1) + 1 : lastAtMost(this.lines, line);
      this.current = Math.max(0, Math.min(nearest, count - 1));
    } else this.current = (this.current + direction + count) % count;
    return this.line;
  }
}

/**
 * Make what marks a query's hits inside a line; null when the pattern is one that could take the
 * browser for ever (the server's engine is linear, JavaScript's is not) or is not JavaScript.
 * @param {Query} query
 * @returns {RegExp | null}
 */
export function marker({ text, isRegex, isCase }) {
  if (text === "" || (isRegex && !isHarmless(text))) return null;
  const source = isRegex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  try {
    return new RegExp(source, isCase ? "gu" : "giu");
  } catch {
    return null;
  }
}

/** @param {string} pattern without a repeated group, with at most two open-ended repetitions */
export function isHarmless(pattern) {
  const bare = pattern.replace(/\\./g, "x").replace(/\[[^\]]*\]/g, "x");
  const isGroupRepeated = /\)\s*[*+{?]/.test(bare);
  const openEnds = bare.match(/[*+]|\{\d*,\d*\}/g) ?? [];
  return pattern.length <= 200 && !isGroupRepeated && openEnds.length <= 2 && !/\\\d/.test(pattern);
}

/**
 * Where the marker hits in a text.
 * @param {string} text
 * @param {RegExp | null} pattern
 * @returns {Piece[]}
 */
export function pieces(text, pattern) {
  /** @type {Piece[]} */
  const found = [];
  if (!pattern) return found;
  for (const match of text.slice(0, MAX_MARKED).matchAll(pattern)) {
    if (match[0] !== "") found.push({ from: match.index, to: match.index + match[0].length });
    if (found.length >= MAX_PIECES) break;
  }
  return found;
}

/**
 * Cut spans at the borders of the hits.
 * @param {import("./ansi.js").Span[]} spans
 * @param {Piece[]} marks ascending, not overlapping
 * @returns {{ text: string, classes: string, isHit: boolean }[]}
 */
export function cut(spans, marks) {
  const borders = marks.flatMap(({ from, to }) => [from, to]);
  const parts = [];
  let at = 0;
  for (const { text, classes } of spans) {
    let from = 0;
    while (from < text.length) {
      const passed = lastAtMost(borders, at + from);
      const border = borders[passed + 1] ?? Infinity;
      const to = Math.min(text.length, border - at);
      parts.push({ text: text.slice(from, to), classes, isHit: passed % 2 === 0 });
      from = to;
    }
    at += text.length;
  }
  return parts;
}
