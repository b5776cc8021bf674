// One press quotes what one looks at into the lab's open pairing: marked lines, the chosen rung, what is
// marked in a terminal. The button comes up only where there is a pairing and something to quote.

import { ask } from "./chat.js";
import { parseHash } from "./log-link.js";

/** @typedef {{ title: string, fields: Record<string, string> }} Quotable */

/**
 * What can be quoted here and now.
 * @param {{ path: string, search: string, hash: string }} at
 * @param {string} run the number of the run whose log is on the page, "" for none
 * @returns {Quotable | null}
 */
export function quotable(at, run) {
  const range = parseHash(at.hash);
  if (run && range) {
    const lines = range.first === range.last ? `line ${range.first + 1}` : `lines ${range.first + 1}–${range.last + 1}`;
    return { title: lines, fields: { kind: "log", run, first: String(range.first), last: String(range.last) } };
  }
  const chosen = new URLSearchParams(at.search);
  const [machine, rung] = [chosen.get("machine"), chosen.get("rung")];
  if (machine && rung && at.path.includes("/cluster/")) return { title: `${machine}, ${rung}`, fields: { kind: "rung", machine, rung } };
  return null;
}

/** @returns {string} the number of the run whose log is shown */
function runHere() {
  const marked = /** @type {HTMLElement | null} */ (document.querySelector("[data-quote-run]"))?.dataset["quoteRun"];
  return marked ?? /\/runs\/(\d+)\/$/.exec(location.pathname)?.[1] ?? "";
}

/** @param {number} terminal @param {string} text @returns {Quotable} */
function command(terminal, text) {
  return { title: `terminal ${terminal}`, fields: { kind: "command", terminal: String(terminal), text } };
}

class Quote {
  constructor() {
    this.bar = document.createElement("div");
    this.bar.className = "quote-bar";
    this.bar.hidden = true;
    this.button = document.createElement("button");
    this.button.type = "button";
    this.button.className = "btn btn-primary";
    this.bar.append(this.button);
    /** @type {Quotable | null} */ this.now = null;
    /** @type {Quotable | null} */ this.marked = null;
  }

  begin() {
    document.body.append(this.bar);
    this.button.addEventListener("click", () => void this.#quote());
    // Marks and choices change the address without an event of their own.
    window.setInterval(() => this.#look(), 300);
    document.body.addEventListener("terminal-marked", (event) => {
      const { terminal, text } = /** @type {CustomEvent<{ terminal: number, text: string }>} */ (event).detail;
      this.marked = text.trim() ? command(terminal, text) : null;
    });
    document.body.addEventListener("terminal-quote", (event) => {
      const { terminal, text } = /** @type {CustomEvent<{ terminal: number, text: string }>} */ (event).detail;
      void this.#send(command(terminal, text));
    });
  }

  get target() {
    return /** @type {HTMLElement | null} */ (document.querySelector("[data-quote-url]"));
  }

  #look() {
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('.shell [data-part="quote"]'))) button.hidden = !this.target;
    const { pathname: path, search, hash } = location;
    this.now = this.marked ?? quotable({ path, search, hash }, runHere());
    this.bar.hidden = !this.now || !this.target;
    const words = `Quote ${this.now?.title} in ${this.target?.dataset["quoteName"] ?? "the pairing"}`;
    if (!this.bar.hidden && this.button.textContent !== words) this.button.textContent = words;
  }

  async #quote() {
    if (this.now) await this.#send(this.now);
    this.marked = null;
  }

  /** @param {Quotable} quotable */
  async #send(quotable) {
    const url = this.target?.dataset["quoteUrl"];
    if (!url) return;
    const headers = { Accept: "text/plain", ...JSON.parse(document.body.getAttribute("hx-headers") ?? "{}") };
    try {
      this.#say(await ask(url, { method: "POST", body: new URLSearchParams(quotable.fields), headers }), "success");
    } catch (error) {
      this.#say(error instanceof Error ? error.message : "Not quoted.", "error");
    }
  }

  /** @param {string} text @param {string} level */
  #say(text, level) {
    document.body.dispatchEvent(new CustomEvent("toast", { detail: { text, level } }));
  }
}

export function mount() {
  new Quote().begin();
}
