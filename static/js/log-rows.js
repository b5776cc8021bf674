// What the list shows: sections of consecutive lines of one step, with a heading where a step
// begins, without the lines that a filter hides or a fold puts away. Row numbers are dense and
// from 0; all look-ups are binary searches, so a million lines cost nothing.

import { lastAtMost } from "./log-outline.js";

/** @typedef {import("./log-outline.js").Outline} Outline */
/** @typedef {{ kind: "head", step: number, line: number, isReturn: boolean, key: string }} HeadRow */
/** @typedef {{ kind: "line", line: number, step: number, isReturn: boolean, key: string }} LineRow */
/** @typedef {{ first: number, count: number, step: number, hasHead: boolean, isReturn: boolean, row: number }} Section */

// A step that comes back for fewer lines than this gets no heading of its own: machines that boot side
// by side would have one every second line. Such lines carry a mark, and the machine's name.
export const WORTH_A_HEADING = 8;
const UNKNOWN = -1;

export class Rows {
  /** @param {Outline} outline */
  constructor(outline) {
    this.outline = outline;
    /** @type {Set<number>} */ this.folded = new Set();
    /** The machine and the step to show; null = all. @type {{ machine: string | null, step: number | null }} */
    this.filter = { machine: null, step: null };
    this.count = 0; // lines of the log
    this.known = 0; // rows of what the outline knows
    this.lastHead = UNKNOWN; // the step of the last heading
    this.seen = 0; // lines taken from the outline; it may have grown since
    this.run = 0; // the outline's run to look at next
    /** @type {Section[]} */ this.sections = [];
    /** @type {number[]} each section's first row, for searching */ this.firstRows = [];
    /** @type {number[]} each section's first line, for searching */ this.firstLines = [];
    /** @type {Map<number, number>} lines that pass the filter, by step */ this.shownLines = new Map();
  }

  /** Build all sections again, after a filter or a fold has changed. */
  rebuild() {
    this.#clear();
    this.sync(this.count);
  }

  #clear() {
    this.sections = [];
    this.firstRows = [];
    this.firstLines = [];
    this.shownLines = new Map();
    this.known = 0;
    this.lastHead = UNKNOWN;
    this.seen = 0;
    this.run = 0;
  }

  /**
   * Take in what the outline has learnt, and the number of lines there are.
   * @param {number} count
   */
  sync(count) {
    this.count = Math.max(count, this.outline.end);
    for (; this.run < this.outline.size; this.run += 1) {
      const first = Math.max(this.seen, this.outline.firsts[this.run] ?? 0);
      const end = this.outline.endOf(this.run);
      if (end > first) this.#take(first, end - first, this.run);
      this.seen = end;
    }
    // The last run may still grow: look at it again next time.
    this.run = Math.max(0, this.outline.size - 1);
  }

  /** @param {number} first @param {number} count @param {number} run */
  #take(first, count, run) {
    const step = this.outline.steps[run] ?? UNKNOWN;
    if (!this.passes(step)) return;
    if (this.filter.machine !== null && this.filter.machine !== this.outline.machines[run]) return;
    this.shownLines.set(step, (this.shownLines.get(step) ?? 0) + count);
    const last = this.sections.at(-1);
    if (last && last.step === step && last.first + last.count === first) this.#grow(last, count);
    else this.#open(first, count, step, last?.step !== step);
  }

  /** @param {number} first @param {number} count @param {number} step @param {boolean} isChange */
  #open(first, count, step, isChange) {
    const isFirst = this.shownLines.get(step) === count;
    if (this.folded.has(step) && !isFirst) return;
    const section = { first, count: 0, step, hasHead: false, isReturn: isChange && !isFirst && step > 0, row: this.known };
    this.sections.push(section);
    this.firstRows.push(section.row);
    this.firstLines.push(first);
    if (isFirst && step > 0) this.#head(section);
    this.#grow(section, count);
  }

  /** @param {Section} section */
  #head(section) {
    section.hasHead = true;
    this.known += 1;
    this.lastHead = section.step;
  }

  /** @param {Section} section @param {number} count */
  #grow(section, count) {
    section.count += count;
    if (this.folded.has(section.step)) return;
    this.known += count;
    const isLong = section.count >= WORTH_A_HEADING && section.isReturn;
    if (isLong && !section.hasHead && this.lastHead !== section.step) this.#head(section);
  }

  /** Lines beyond the outline, shown as they are; none while a filter is on. */
  get unknown() {
    const isFiltered = this.filter.machine !== null || this.filter.step !== null;
    return isFiltered ? 0 : this.count - this.seen;
  }

  get total() {
    return this.known + this.unknown;
  }

  /** @param {number} row @returns {HeadRow | LineRow | null} */
  at(row) {
    if (row < 0 || row >= this.total) return null;
    if (row >= this.known) return lineRow(this.seen + row - this.known, UNKNOWN, false);
    const section = /** @type {Section} */ (this.sections[lastAtMost(this.firstRows, row)]);
    const inside = row - section.row - (section.hasHead ? 1 : 0);
    const { first, step, isReturn, hasHead } = section;
    if (inside < 0) return { kind: "head", step, line: first, isReturn, key: `H${first}` };
    return lineRow(first + inside, step, inside === 0 && isReturn && !hasHead);
  }

  /**
   * The row of a line, or of what stands where it would be; the first row for lines before all.
   * @param {number} line
   */
  rowOf(line) {
    if (line >= this.seen && this.unknown > 0) return this.known + Math.min(line, this.count - 1) - this.seen;
    const index = lastAtMost(this.firstLines, line);
    const section = this.sections[index];
    if (!section) return 0;
    const head = section.hasHead ? 1 : 0;
    const isFolded = this.folded.has(section.step);
    const inside = isFolded ? 0 : Math.min(line - section.first, section.count - 1) + head;
    return Math.max(0, Math.min(section.row + inside, this.total - 1));
  }

  /** @param {number} step whether the step filter lets it through; all pass while there is none */
  passes(step) {
    return this.filter.step === null || this.filter.step === step;
  }

  /** @param {number} line whether a row shows this very line */
  shows(line) {
    const row = this.at(this.rowOf(line));
    return row?.kind === "line" && row.line === line;
  }

  /** @param {number} step @returns {number | null} the step's first line in the log, null while it has none */
  firstLineOf(step) {
    const index = this.outline.steps.indexOf(step);
    return index < 0 ? null : /** @type {number} */ (this.outline.firsts[index]);
  }
}

/** @param {number} line @param {number} step @param {boolean} isReturn @returns {LineRow} */
function lineRow(line, step, isReturn) {
  return { kind: "line", line, step, isReturn, key: `L${line}` };
}
