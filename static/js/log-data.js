// The log as this browser knows it: the socket and HTTP in, lines and outline out. However they come
// in, a line is kept once and a missing one is fetched when it is looked at.

import { LogFetch } from "./log-fetch.js";
import { Lines } from "./log-lines.js";
import { Outline, runsOf } from "./log-outline.js";
import { LogPages } from "./log-pages.js";
import { LogSocket } from "./log-socket.js";

/** @typedef {import("./log-lines.js").Line} Line */
/**
 * @typedef {object} DataListener
 * @property {() => void} onGrew lines or outline are more than before
 * @property {() => void} onLines the live end has brought lines
 * @property {() => void} onComplete
 * @property {(state: import("./log-socket.js").State, waitMs: number, reason: string) => void} onState
 */

const HOLD_MS = 1_000; // so long the socket may take to bring the tail before it is fetched
const AGAIN_MS = 5_000;

export class LogData {
  /**
   * @param {DOMStringMap} data the viewer's data-* attributes: count, complete and the addresses
   * @param {DataListener} listener
   */
  constructor(data, listener) {
    this.listener = listener;
    this.count = Number(data["count"] ?? 0);
    this.complete = data["complete"] ?? "";
    this.lines = new Lines();
    this.outline = new Outline();
    this.isFilling = false;
    this.fetch = new LogFetch({
      lines: data["linesUrl"] ?? "", search: data["searchUrl"] ?? "", outline: data["outlineUrl"] ?? "",
      findings: data["findingsUrl"] ?? "",
    });
    const getPage = (/** @type {number} */ after, /** @type {number} */ limit) => this.fetch.lines(after, limit);
    this.pages = new LogPages(this.lines, getPage, (answer) => this.counted(answer.count));
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.socket = new LogSocket(`${scheme}//${location.host}${data["socketUrl"]}`, {
      onLines: (first, lines) => this.#received(first, lines),
      onCount: (count) => this.counted(count),
      onComplete: (status) => this.#completed(status),
      onState: listener.onState,
    });
  }

  /** @param {boolean} isAtTail the tail is what one wants to see first */
  begin(isAtTail) {
    if (this.complete) this.listener.onState("ended", 0, "");
    else {
      this.pages.isHeld = isAtTail;
      window.setTimeout(() => this.pages.release(), HOLD_MS);
      this.socket.open();
    }
    void this.fillOutline();
  }

  /** @param {number} first @param {Line[]} lines */
  #received(first, lines) {
    this.lines.add(first, lines);
    if (!this.outline.add(first, runsOf(lines))) void this.fillOutline();
    this.counted(first + lines.length);
    if (this.pages.isHeld) this.pages.release();
    this.listener.onLines();
  }

  /** @param {number} count the log has at least so many lines */
  counted(count) {
    this.count = Math.max(this.count, count);
    this.listener.onGrew();
  }

  /** @param {string} status */
  #completed(status) {
    this.complete = status;
    this.listener.onComplete();
    void this.fillOutline();
  }

  /** Ask for the outline until it reaches the log's end; until it is here the log is flat, and works. */
  async fillOutline() {
    if (this.isFilling) return;
    this.isFilling = true;
    try {
      while (this.outline.end < this.count && (await this.#fillMore())) continue;
    } catch {
      window.setTimeout(() => void this.fillOutline(), AGAIN_MS);
    }
    this.isFilling = false;
  }

  /** @returns {Promise<boolean>} whether it brought something */
  async #fillMore() {
    const before = this.outline.end;
    const answer = await this.fetch.outline(before - 1);
    this.outline.add(answer.first, answer.runs);
    this.counted(answer.count);
    return this.outline.end > before;
  }

  /** The guarantee beside the socket: if there is more than it has brought, or no answer, it is dead. */
  async check() {
    const before = this.count;
    const answer = await this.fetch.lines(before - 1, 1).catch(() => null);
    if (this.complete || this.count !== before) return;
    if (answer === null || answer.count > before || answer.complete) this.socket.restart();
  }

  /**
   * The texts of a range, fetched: most of it may be out of the cache.
   * @param {number} first @param {number} last
   * @returns {Promise<string[]>}
   */
  async texts(first, last) {
    /** @type {string[]} */
    const texts = [];
    while (texts.length < last - first + 1) {
      const at = first + texts.length;
      const { lines } = await this.fetch.lines(at - 1, Math.min(5_000, last - at + 1));
      if (lines.length === 0) break;
      texts.push(...lines.map((line) => line[4]));
    }
    return texts;
  }
}
