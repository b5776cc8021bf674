// One viewer's socket to a shared terminal: comes back by itself, hands over messages in their order, and
// says how much has been drawn, so that the server sends no more than the page can draw. No DOM.

import { backoffMs } from "./backoff.js";
import { DEAD, Pulse } from "./pulse.js";

/**
 * @typedef {object} Listener
 * @property {(data: Uint8Array) => Promise<void>} onOutput settles when it is drawn
 * @property {(message: any) => void | Promise<void>} onMessage any: JSON
 * @property {(state: "connecting" | "live" | "waiting" | "refused", reason: string, waitMs: number) => void} onState
 */
/** @typedef {{ connect: (url: string) => any, later: (act: () => void, ms: number) => number, cancel: (timer: number) => void, clock?: import("./pulse.js").Clock }} Edge any: a WebSocket */

const TELL_EVERY = 64 * 1024; // bytes drawn between two words about it
const PIECE = 8 * 1024; // characters of one message
const PIECE_MS = 20;
export const REFUSALS = new Map([
  [4401, "sign in again, a guest by the invitation's link: terminals want a sign-in of today"],
  [4403, "you have no right to see this any more"],
  [4404, "there is no such terminal"],
  [4410, "it is closed"],
]);

/** @type {Edge} */
const BROWSER = {
  connect: (url) => new WebSocket(url),
  later: (act, ms) => window.setTimeout(act, ms),
  cancel: (timer) => window.clearTimeout(timer),
};

/**
 * Part a text into pieces that one message may hold; surrogate pairs stay whole.
 * @param {string} text
 * @returns {string[]}
 */
export function pieces(text) {
  const found = [];
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + PIECE);
    const code = text.charCodeAt(end - 1);
    if (end < text.length && code >= 0xd800 && code < 0xdc00) end += 1;
    found.push(text.slice(at, end));
    at = end;
  }
  return found;
}

export class ShellSocket {
  /** @param {string} url @param {() => [number, number]} size @param {Listener} listener @param {Edge} [edge] */
  constructor(url, size, listener, edge = BROWSER) {
    this.url = url;
    this.size = size;
    this.listener = listener;
    this.edge = edge;
    this.attempt = 0;
    this.timer = 0;
    this.drawn = 0;
    this.told = 0;
    /** @type {any} any: a WebSocket */ this.socket = null;
    this.queue = Promise.resolve();
    this.pulse = new Pulse(() => this.#dead(), edge.clock);
    /** @type {string[]} */ this.typed = [];
  }

  open() {
    this.edge.cancel(this.timer);
    const [columns, rows] = this.size();
    this.listener.onState("connecting", "", 0);
    const socket = this.edge.connect(`${this.url}?columns=${columns}&rows=${rows}`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.pulse.begin();
    this.drawn = this.told = 0;
    this.typed = [];
    socket.onmessage = (/** @type {{ data: string | ArrayBuffer }} */ event) => {
      this.pulse.heard();
      this.queue = this.queue.then(() => (this.socket === socket ? this.#receive(event.data) : undefined));
    };
    socket.onclose = (/** @type {{ code: number }} */ event) => this.socket === socket && this.#lost(event.code);
  }

  close() {
    this.edge.cancel(this.timer);
    const socket = this.socket;
    this.socket = null;
    this.pulse.end();
    socket?.close();
  }

  #dead() {
    this.close();
    this.#lost(DEAD);
  }

  /** @param {object} message */
  say(message) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(message));
  }

  /** Type a text; a long one goes out in pieces, no faster than the server takes. @param {string} text */
  type(text) {
    if (this.typed.length === 0 && text.length <= PIECE) {
      this.say({ in: text });
      return;
    }
    const wasEmpty = this.typed.length === 0;
    this.typed.push(...pieces(text));
    if (wasEmpty) this.#typeNext();
  }

  #typeNext() {
    const piece = this.typed.shift();
    if (piece === undefined) return;
    this.say({ in: piece });
    this.edge.later(() => this.#typeNext(), PIECE_MS);
  }

  /** @param {string | ArrayBuffer} data */
  async #receive(data) {
    if (typeof data !== "string") {
      await this.listener.onOutput(new Uint8Array(data));
      this.drawn += data.byteLength;
      if (this.drawn - this.told >= TELL_EVERY) {
        this.told = this.drawn;
        this.say({ seen: this.drawn });
      }
      return;
    }
    const message = JSON.parse(data);
    if (message.state) {
      this.attempt = 0;
      this.listener.onState("live", "", 0);
    }
    await this.listener.onMessage(message);
  }

  /** @param {number} code */
  #lost(code) {
    this.socket = null;
    this.pulse.end();
    const reason = REFUSALS.get(code);
    if (reason) {
      this.listener.onState("refused", reason, 0);
      return;
    }
    const wait = backoffMs(this.attempt);
    this.attempt += 1;
    this.listener.onState("waiting", "", wait);
    this.timer = this.edge.later(() => this.open(), wait);
  }
}
