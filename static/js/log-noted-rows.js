// Rows with one more under each line that carries a finding, as long as that line is shown.

import { lastAtMost } from "./log-outline.js";
import { Rows } from "./log-rows.js";

/** @typedef {import("./log-rows.js").HeadRow} HeadRow */
/** @typedef {import("./log-rows.js").LineRow} LineRow */
/** @typedef {{ kind: "finding", line: number, step: number, isReturn: boolean, key: string }} FindingRow */

export class NotedRows extends Rows {
  /** @param {import("./log-outline.js").Outline} outline */
  constructor(outline) {
    super(outline);
    /** @type {number[]} lines with a finding, ascending */ this.noted = [];
    /** @type {number[]} the line of each finding's row */ this.notedShown = [];
    /** @type {number[]} each finding's row, ascending */ this.notedRows = [];
  }

  /** @param {number[]} lines ascending */
  note(lines) {
    this.noted = lines;
    this.#place();
  }

  /** @param {number} count */
  sync(count) {
    super.sync(count);
    this.#place();
  }

  /** A finding's row stands behind its line's, and behind all findings before it. */
  #place() {
    this.notedShown = this.noted.filter((line) => this.#showsLine(line));
    this.notedRows = this.notedShown.map((line, index) => super.rowOf(line) + 1 + index);
  }

  /** @param {number} line */
  #showsLine(line) {
    if (line >= this.count) return false;
    const row = super.at(super.rowOf(line));
    return row?.kind === "line" && row.line === line;
  }

  get total() {
    return super.total + (this.notedRows?.length ?? 0);
  }

  /** @param {number} row @returns {any} HeadRow, LineRow, FindingRow or null: a wider answer than Rows gives */
  at(row) {
    if (row < 0 || row >= this.total) return null;
    const index = lastAtMost(this.notedRows, row);
    if (index >= 0 && this.notedRows[index] === row) {
      const line = /** @type {number} */ (this.notedShown[index]);
      return { kind: "finding", line, step: -1, isReturn: false, key: `F${line}` };
    }
    return super.at(row - (index + 1));
  }

  /** @param {number} line */
  rowOf(line) {
    return super.rowOf(line) + lastAtMost(this.notedShown, line - 1) + 1;
  }
}
