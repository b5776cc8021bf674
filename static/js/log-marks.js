// The marked line or range: the address bar's #L120-130, and what "copy" copies.

import { plain } from "./ansi.js";
import { copyText } from "./copy.js";
import { formatHash, ordered, parseHash } from "./log-link.js";
import { grouped } from "./log-time.js";

/** @typedef {import("./log-link.js").Range} Range */

const MAX_COPIED = 20_000; // lines

export class LogMarks {
  /**
   * @param {import("./log-data.js").LogData} data
   * @param {() => void} onChange
   */
  constructor(data, onChange) {
    this.data = data;
    this.onChange = onChange;
    /** @type {Range | null} */ this.range = null;
  }

  /** Take the range from the address bar. */
  read() {
    this.range = parseHash(location.hash);
    this.onChange();
    return this.range;
  }

  /** @param {number} line */
  has(line) {
    return this.range !== null && this.range.first <= line && line <= this.range.last;
  }

  /** @param {Range} range */
  set(range) {
    this.range = range;
    // Not a new entry of the history: "back" leaves the page, as it should.
    history.replaceState(history.state, "", formatHash(range));
    this.onChange();
  }

  /** @param {number} line @param {boolean} isExtending */
  choose(line, isExtending) {
    this.set(isExtending && this.range ? ordered(this.range.first, line) : { first: line, last: line });
  }

  /**
   * Move the mark, or one end of it, by a line.
   * @param {1 | -1} by
   * @param {boolean} isExtending
   * @param {number} topLine where to begin when nothing is marked
   * @returns {number} the line that moved
   */
  step(by, isExtending, topLine) {
    const edge = this.range ? (by > 0 ? this.range.last : this.range.first) : topLine - by;
    const line = Math.max(0, Math.min(edge + by, this.data.count - 1));
    const other = by > 0 ? this.range?.first : this.range?.last;
    this.set(isExtending && other !== undefined ? ordered(other, line) : { first: line, last: line });
    return line;
  }

  /** @returns {Promise<string>} what to tell the user */
  async copy() {
    if (!this.range) return "mark lines first: click a line's number";
    const { first } = this.range;
    const end = Math.min(this.range.last, this.data.count - 1);
    const last = Math.min(end, first + MAX_COPIED - 1);
    try {
      await copyText((await this.data.texts(first, last)).map(plain).join("\n"));
    } catch {
      return "not copied: the browser or the server refused";
    }
    return last < end ? `copied the first ${grouped(MAX_COPIED)} lines; download the rest` : "copied";
  }
}
