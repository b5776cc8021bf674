// Fetches the pages of lines that are in view and not here: a few at a time, the newest wish only.

import { PAGE } from "./log-lines.js";

const AT_ONCE = 3;
const SETTLE_MS = 40; // a dragged scroll bar passes thousands of pages: wait until it rests a little
const RETRY_MS = 2_000;

export class LogPages {
  /**
   * @param {import("./log-lines.js").Lines} lines
   * @param {(after: number, limit: number) => Promise<import("./log-fetch.js").LinesAnswer>} fetch
   * @param {(answer: import("./log-fetch.js").LinesAnswer) => void} onLines
   */
  constructor(lines, fetch, onLines) {
    this.lines = lines;
    this.fetch = fetch;
    this.onLines = onLines;
    /** @type {Set<number>} */ this.running = new Set();
    /** @type {number[]} */ this.wanted = [];
    this.timer = 0;
    this.isHeld = false; // the socket is about to bring the tail: do not fetch it, too
  }

  /** @param {Iterable<number>} numbers the lines in view */
  need(numbers) {
    this.wanted = this.lines.missing(numbers);
    if (this.wanted.length > 0) this.#soon(SETTLE_MS);
  }

  release() {
    this.isHeld = false;
    this.#soon(0);
  }

  /** @param {number} ms */
  #soon(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#start(), ms);
  }

  #start() {
    if (this.isHeld) return;
    for (const key of this.wanted) {
      if (this.running.size >= AT_ONCE) return;
      if (!this.running.has(key)) void this.#load(key);
    }
  }

  /** @param {number} key */
  async #load(key) {
    this.running.add(key);
    try {
      const answer = await this.fetch(key * PAGE - 1, PAGE);
      this.lines.add(answer.first, answer.lines);
      this.wanted = this.wanted.filter((wanted) => wanted !== key);
      this.onLines(answer);
      this.running.delete(key);
      this.#start();
    } catch {
      this.running.delete(key);
      this.#soon(RETRY_MS);
    }
  }
}
