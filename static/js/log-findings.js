// Known failures and known noise of a log, as the server finds them: a failure gets a row of its own
// under its line, noise is greyed. Asked for when the page changes and for the lines that are in view.

/** @typedef {{ line: number, machine: string, rule: string, title: string, explanation: string, advice: string, link: string }} Finding */
/** @typedef {{ findings: Finding[], noise: number[], first: number, looked_at: number }} FindingsAnswer */

const BLOCK = 1_000; // lines asked about at once
const AGAIN_MS = 5_000; // for a block that was not full yet, or was not answered

export class LogFindings {
  /**
   * @param {(after: number, limit: number) => Promise<FindingsAnswer>} ask
   * @param {() => void} onChange
   * @param {() => number} now milliseconds
   */
  constructor(ask, onChange, now = () => Date.now()) {
    this.ask = ask;
    this.onChange = onChange;
    this.now = now;
    /** @type {Map<number, Finding[]>} by line */ this.byLine = new Map();
    /** @type {Set<number>} */ this.noise = new Set();
    /** @type {Map<number, number>} block → when it may be asked for again */ this.asked = new Map();
    this.known = "";
  }

  /** The lines that carry a finding, ascending. */
  get lines() {
    return [...this.byLine.keys()].sort((a, b) => a - b);
  }

  /** Ask for the findings alone. */
  refresh() {
    return this.#ask(-1, 0);
  }

  /** @param {Iterable<number>} lines that are in view */
  need(lines) {
    const blocks = new Set();
    for (const line of lines) blocks.add(Math.floor(line / BLOCK));
    for (const block of blocks) {
      if ((this.asked.get(block) ?? 0) > this.now()) continue;
      this.asked.set(block, this.now() + AGAIN_MS);
      void this.#askBlock(block);
    }
  }

  /** @param {number} block */
  async #askBlock(block) {
    const answer = await this.#ask(block * BLOCK - 1, BLOCK);
    if (answer?.looked_at === BLOCK) this.asked.set(block, Infinity);
  }

  /** @param {number} after @param {number} limit @returns {Promise<FindingsAnswer | null>} */
  async #ask(after, limit) {
    const answer = await this.ask(after, limit).catch(() => null);
    if (answer) this.#take(answer);
    return answer;
  }

  /** @param {FindingsAnswer} answer */
  #take(answer) {
    const before = this.noise.size;
    for (const line of answer.noise) this.noise.add(line);
    const known = JSON.stringify(answer.findings);
    if (known === this.known && before === this.noise.size) return;
    this.known = known;
    this.byLine = new Map();
    for (const finding of answer.findings) this.byLine.set(finding.line, [...(this.byLine.get(finding.line) ?? []), finding]);
    this.onChange();
  }
}
