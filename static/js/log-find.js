// The search field: asks the server for hits page by page, over the whole log and on while it grows;
// says how many there are and takes the view to the next or the one before.

import { FetchError } from "./log-fetch.js";
import { Hits, marker } from "./log-search.js";
import { grouped } from "./log-time.js";

const TYPING_MS = 250;
const GROWN_MS = 1_000;

/**
 * @typedef {object} FindParts
 * @property {HTMLInputElement} input
 * @property {HTMLButtonElement} regex aria-pressed
 * @property {HTMLButtonElement} matchCase aria-pressed
 * @property {HTMLElement} status
 */
/**
 * @typedef {object} FindHost the viewer, as far as the search needs it
 * @property {() => number} count
 * @property {() => number} topLine
 * @property {() => string | null} machine
 * @property {(line: number) => boolean} passes whether the step filter lets the line through
 * @property {(line: number) => void} goTo
 * @property {() => void} redraw
 */

export class Find {
  /**
   * @param {FindParts} parts
   * @param {import("./log-fetch.js").LogFetch} fetch
   * @param {FindHost} host
   */
  constructor(parts, fetch, host) {
    this.parts = parts;
    this.fetch = fetch;
    this.host = host;
    this.hits = new Hits();
    /** @type {RegExp | null} */ this.marker = null;
    this.turn = 0; // grows with each new search; an older one then ends
    this.isBusy = false;
    /** What to do as soon as there is a hit. @type {1 | -1 | 0} */ this.wanted = 0;
    this.timer = 0;
    this.error = "";
    this.#listen();
  }

  #listen() {
    const { input, regex, matchCase } = this.parts;
    input.addEventListener("input", () => this.#later(() => this.restart(), TYPING_MS));
    input.addEventListener("keydown", (event) => this.#key(event));
    for (const button of [regex, matchCase]) {
      button.addEventListener("click", () => {
        button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
        this.restart();
      });
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Enter") {
      event.preventDefault();
      this.go(event.shiftKey ? -1 : 1);
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.parts.input.value = "";
      this.restart();
      this.parts.input.blur();
    }
  }

  /** @param {() => void} act @param {number} ms */
  #later(act, ms) {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(act, ms);
  }

  /** @returns {import("./log-search.js").Query} */
  get query() {
    const { input, regex, matchCase } = this.parts;
    const isPressed = (/** @type {HTMLElement} */ button) => button.getAttribute("aria-pressed") === "true";
    return { text: input.value, isRegex: isPressed(regex), isCase: isPressed(matchCase) };
  }

  /** The query, or what it is asked of, has changed: begin again. */
  restart() {
    window.clearTimeout(this.timer);
    this.turn += 1;
    this.asked = this.query.text;
    this.hits = new Hits();
    this.error = "";
    this.isBusy = false;
    this.wanted = 0;
    this.marker = marker(this.query);
    this.host.redraw();
    if (this.query.text === "") this.say();
    else void this.#run(this.turn);
  }

  /** The log has grown: look at what is new, soon. */
  grew() {
    if (this.query.text === "" || this.isBusy || this.error || this.hits.isFull) return;
    if (this.hits.searchedTo < this.host.count() - 1) this.#later(() => void this.#run(this.turn), GROWN_MS);
  }

  /** @param {number} turn */
  async #run(turn) {
    this.isBusy = true;
    this.say();
    try {
      while (turn === this.turn && !this.hits.isFull && this.hits.searchedTo < this.host.count() - 1) {
        if (!(await this.#page(turn))) break;
      }
    } catch (error) {
      if (turn !== this.turn || !(error instanceof FetchError)) return;
      this.error = error.message;
    }
    if (turn !== this.turn) return;
    this.isBusy = false;
    if (this.wanted) this.go(this.wanted);
    this.say();
  }

  /** @param {number} turn @returns {Promise<boolean>} false: no further */
  async #page(turn) {
    const before = this.hits.searchedTo;
    const answer = await this.fetch.search(this.query, this.host.machine(), before);
    if (turn !== this.turn) return false;
    this.hits.add(answer.hits.filter((line) => this.host.passes(line)), answer.searched_to);
    if (this.wanted && !this.#isEarly) this.go(this.wanted);
    this.say();
    this.host.redraw();
    if (this.hits.searchedTo > before) return true;
    this.error = answer.timed_out ? `this pattern takes too long from line ${grouped(before + 2)} on` : "";
    return false;
  }

  /** The first way leads to the hit nearest to what is in view: the search must have come that far. */
  get #isEarly() {
    return this.hits.current < 0 && !this.hits.isFull && this.hits.searchedTo < this.host.topLine();
  }

  /** @param {1 | -1} direction */
  go(direction) {
    if (this.query.text === "") {
      this.parts.input.focus();
      return;
    }
    if (this.query.text !== this.asked) this.restart();
    if (this.isBusy && this.#isEarly) {
      this.wanted = direction;
      return;
    }
    this.wanted = 0;
    const line = this.hits.go(direction, this.host.topLine());
    if (line !== null) this.host.goTo(line);
    this.say();
    this.host.redraw();
  }

  /** Say how many hits there are, and where one stands. */
  say() {
    const { lines, current, searchedTo, isFull } = this.hits;
    const count = this.host.count();
    let text = "";
    if (this.query.text !== "") {
      const total = `${grouped(lines.length)}${this.isBusy || isFull ? "+" : ""}`;
      text = current >= 0 ? `${grouped(current + 1)} of ${total}` : `${total} ${lines.length === 1 ? "hit" : "hits"}`;
      if (lines.length === 0) text = this.isBusy ? "" : "no hits";
      if (this.isBusy && count > 0) text += ` · searching ${Math.floor(((searchedTo + 1) / count) * 100)} %`;
      if (this.error) text = lines.length > 0 ? `${text} · ${this.error}` : this.error;
    }
    this.parts.status.textContent = text;
    this.parts.input.setAttribute("aria-invalid", String(this.error !== ""));
  }
}
