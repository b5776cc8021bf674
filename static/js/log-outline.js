// Which line belongs to which step and machine, for the whole log, without a single text: runs of
// equal lines. It makes filtering and folding exact in a log of which only a window is loaded.
// Next: log-rows.js turns it into what the list shows.

/** @typedef {[count: number, step: number, machine: string]} Run */

export class Outline {
  constructor() {
    /** @type {number[]} */ this.firsts = [];
    /** @type {number[]} */ this.steps = [];
    /** @type {string[]} */ this.machines = [];
    /** The number of lines whose step and machine are known: lines 0 … end-1. */
    this.end = 0;
  }

  /**
   * Add runs that start at line `first`. What is known already is dropped; runs beyond a gap are
   * refused (they would be put at the wrong place).
   * @param {number} first
   * @param {Run[]} runs
   * @returns {boolean} false: there is a gap before `first`
   */
  add(first, runs) {
    if (first > this.end) return false;
    let at = first;
    for (const [count, step, machine] of runs) {
      const fresh = at + count - Math.max(at, this.end);
      if (fresh > 0) this.#push(fresh, step, machine);
      at += count;
    }
    return true;
  }

  /** @param {number} count @param {number} step @param {string} machine */
  #push(count, step, machine) {
    const last = this.firsts.length - 1;
    if (last < 0 || this.steps[last] !== step || this.machines[last] !== machine) {
      this.firsts.push(this.end);
      this.steps.push(step);
      this.machines.push(machine);
    }
    this.end += count;
  }

  /** The number of runs. */
  get size() {
    return this.firsts.length;
  }

  /** @param {number} index the first line after run `index` */
  endOf(index) {
    return this.firsts[index + 1] ?? this.end;
  }

  /** @param {number} line @returns {number} the line's step, -1 while it is not known */
  stepOf(line) {
    if (line < 0 || line >= this.end) return -1;
    return /** @type {number} */ (this.steps[lastAtMost(this.firsts, line)]);
  }
}

/**
 * The index of the last item ≤ value in an ascending list, -1 if there is none.
 * @param {ArrayLike<number>} list
 * @param {number} value
 */
export function lastAtMost(list, value) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {number} */ (list[middle]) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * Lines of a frame → runs.
 * @param {import("./log-lines.js").Line[]} lines
 * @returns {Run[]}
 */
export function runsOf(lines) {
  /** @type {Run[]} */
  const runs = [];
  for (const [, step, machine] of lines) {
    const last = runs.at(-1);
    if (last && last[1] === step && last[2] === machine) last[0] += 1;
    else runs.push([1, step, machine]);
  }
  return runs;
}
