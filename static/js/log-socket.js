// One log's socket, with the viewer's own cursor: frames in order, none twice, none left out. What
// did not come (a gap) is reported, what came before is dropped; a lost connection comes back by
// itself after the last line received. No DOM: socket and timers come in, so that it runs under node.

import { backoffMs } from "./backoff.js";
import { DEAD, Pulse } from "./pulse.js";

/** @typedef {import("./log-lines.js").Line} Line */
/** @typedef {{ first: number, lines: Line[] }} Frame */
/** @typedef {[number, number, number, string, string]} Mark count, ms, step, machine, stream */
/** @typedef {{ first: number, marks: Mark[], text: string }} JoinedFrame */
/** @typedef {"connecting" | "live" | "waiting" | "ended" | "refused"} State */
/** @typedef {{ readyState: number, close(): void, onopen: any, onmessage: any, onclose: any }} Socket any: the browser's own handler types */
/**
 * @typedef {object} Edge what is outside: replaced by the tests
 * @property {(url: string) => Socket} connect
 * @property {(act: () => void, ms: number) => number} later
 * @property {(timer: number) => void} cancel
 * @property {() => number} random
 * @property {import("./pulse.js").Clock} [clock]
 */
/**
 * @typedef {object} Listener
 * @property {(first: number, lines: Line[]) => void} onLines
 * @property {(count: number) => void} onCount the log has this many lines
 * @property {(status: string) => void} onComplete
 * @property {(state: State, waitMs: number, reason: string) => void} onState
 */

export const TAIL = 500;
const FAR_BEHIND = 20_000; // lines: then the tail is opened again and the rest fetched when it is looked at
const REFUSALS = new Map([[4401, "sign in again"], [4403, "no right to see this log"], [4404, "no such log"]]);

/**
 * What of a frame is new to somebody who has all lines up to `cursor`.
 * @param {number} cursor the last line received, -1 = none
 * @param {Frame} frame
 * @returns {{ first: number, lines: Line[], hasGap: boolean }}
 */
export function accept(cursor, frame) {
  const overlap = Math.max(0, cursor + 1 - frame.first);
  return { first: frame.first + overlap, lines: frame.lines.slice(overlap), hasGap: frame.first > cursor + 1 };
}

/**
 * A frame as the socket brings it: what consecutive lines have in common stands once.
 * @param {JoinedFrame} joined
 * @returns {Frame}
 */
export function split(joined) {
  const texts = joined.text.split("\n");
  let at = 0;
  const lines = joined.marks.flatMap(([count, ms, step, machine, stream]) =>
    texts.slice(at, (at += count)).map((text) => /** @type {Line} */ ([ms, step, machine, stream, text])));
  return { first: joined.first, lines };
}

/** @type {Edge} */
const BROWSER = {
  connect: (url) => new WebSocket(url),
  later: (act, ms) => window.setTimeout(act, ms),
  cancel: (timer) => window.clearTimeout(timer),
  random: Math.random,
};

export class LogSocket {
  /**
   * @param {string} url without a query
   * @param {Listener} listener
   * @param {Edge} [edge]
   */
  constructor(url, listener, edge = BROWSER) {
    this.url = url;
    this.listener = listener;
    this.edge = edge;
    /** The last line received; null: begin at the tail. @type {number | null} */
    this.cursor = null;
    this.attempt = 0;
    /** @type {Socket | null} */ this.socket = null;
    this.timer = 0;
    this.isDone = false;
    this.pulse = new Pulse(() => this.#dead(), edge.clock);
  }

  open() {
    if (this.isDone || this.socket) return;
    this.edge.cancel(this.timer);
    this.#tell("connecting");
    const after = this.cursor === null ? `after=tail&tail=${TAIL}` : `after=${this.cursor}`;
    const socket = this.edge.connect(`${this.url}?${after}&form=joined`);
    this.socket = socket;
    this.pulse.begin();
    socket.onmessage = (/** @type {{ data: string }} */ event) => this.socket === socket && this.#receive(event.data);
    socket.onclose = (/** @type {{ code: number }} */ event) => this.socket === socket && this.#lost(event.code);
  }

  /** Connect anew, now: the connection seems dead, or the network has come back. */
  restart() {
    this.#drop();
    this.attempt = 0;
    this.open();
  }

  close() {
    this.isDone = true;
    this.edge.cancel(this.timer);
    this.#drop();
  }

  #drop() {
    const socket = this.socket;
    this.socket = null;
    this.pulse.end();
    socket?.close();
  }

  #dead() {
    this.#drop();
    this.#lost(DEAD);
  }

  /** @param {string} text */
  #receive(text) {
    this.pulse.heard();
    const message = JSON.parse(text);
    if (typeof message.count === "number") this.#greet(message.count);
    if (Array.isArray(message.marks)) this.#frame(split(message));
    if (message.complete) this.#complete(message.complete);
  }

  /** @param {number} count */
  #greet(count) {
    this.attempt = 0;
    if (this.cursor === null) this.cursor = Math.max(0, count - TAIL) - 1;
    this.listener.onCount(count);
    if (count - this.cursor > FAR_BEHIND) {
      this.cursor = null;
      this.restart();
    } else this.#tell("live");
  }

  /** @param {Frame} frame */
  #frame(frame) {
    const { first, lines } = accept(this.cursor ?? -1, frame);
    if (lines.length === 0) return;
    this.cursor = first + lines.length - 1;
    this.listener.onLines(first, lines);
  }

  /** @param {string} status */
  #complete(status) {
    this.close();
    this.listener.onComplete(status);
    this.#tell("ended");
  }

  /** @param {number} code */
  #lost(code) {
    this.socket = null;
    this.pulse.end();
    if (REFUSALS.has(code)) {
      this.isDone = true;
      this.#tell("refused", 0, REFUSALS.get(code));
      return;
    }
    const wait = backoffMs(this.attempt, this.edge.random);
    this.attempt += 1;
    this.#tell("waiting", wait);
    this.timer = this.edge.later(() => this.open(), wait);
  }

  /** @param {State} state @param {number} [waitMs] @param {string} [reason] */
  #tell(state, waitMs = 0, reason = "") {
    this.listener.onState(state, waitMs, reason);
  }
}
