// The lines that the browser holds: pages of PAGE lines, bounded in number and in characters,
// the least recently used ones go first. A line that is not here is fetched when it comes in view.

/** @typedef {[ms: number, step: number, machine: string, stream: string, text: string]} Line */
/** @typedef {{ lines: (Line | undefined)[], filled: number, size: number }} Page */

export const PAGE = 500;

export class Lines {
  /** @param {{ maxPages?: number, maxSize?: number }} [bounds] maxSize in characters */
  constructor({ maxPages = 120, maxSize = 48_000_000 } = {}) {
    this.maxPages = maxPages;
    this.maxSize = maxSize;
    this.size = 0;
    /** @type {Map<number, Page>} in the order of last use */
    this.pages = new Map();
  }

  /** @param {number} number @returns {Line | undefined} */
  get(number) {
    return this.pages.get(Math.floor(number / PAGE))?.lines[number % PAGE];
  }

  /**
   * Keep lines `first`, `first+1`, …; one that is here already stays as it is (lines never change).
   * @param {number} first
   * @param {Line[]} lines
   */
  add(first, lines) {
    lines.forEach((line, at) => this.#put(first + at, line));
    this.#evict();
  }

  /** @param {number} number @param {Line} line */
  #put(number, line) {
    const key = Math.floor(number / PAGE);
    const page = this.#page(key);
    if (page.lines[number % PAGE] !== undefined) return;
    page.lines[number % PAGE] = line;
    page.filled += 1;
    page.size += line[4].length;
    this.size += line[4].length;
  }

  /** @param {number} key @returns {Page} the page, now the most recently used one */
  #page(key) {
    const page = this.pages.get(key) ?? { lines: new Array(PAGE), filled: 0, size: 0 };
    this.pages.delete(key);
    this.pages.set(key, page);
    return page;
  }

  #evict() {
    for (const [key, page] of this.pages) {
      if (this.pages.size <= 2) return;
      if (this.pages.size <= this.maxPages && this.size <= this.maxSize) return;
      this.pages.delete(key);
      this.size -= page.size;
    }
  }

  /**
   * Which pages must be fetched to show these lines; marks the others as used.
   * @param {Iterable<number>} numbers
   * @returns {number[]} page keys, ascending
   */
  missing(numbers) {
    const wanted = new Set();
    const used = new Set();
    for (const number of numbers) {
      const key = Math.floor(number / PAGE);
      if (this.get(number) === undefined) wanted.add(key);
      else if (!used.has(key)) used.add(key);
    }
    used.forEach((key) => this.#page(key));
    return [...wanted].sort((left, right) => left - right);
  }
}
