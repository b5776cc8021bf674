// A connection may die without a word: a computer that slept, a network that is gone, a proxy that hangs. The
// server says something on each of its sockets every 10 s (webapp/ws/consumers.py); one that says nothing for
// longer than SILENT_MS is given up, so that the page says that it is not live, and connects anew.

export const SILENT_MS = 25_000;
export const DEAD = 1006; // the close code for it, as browsers have it for a connection that ended without a word
const LOOK_MS = 5_000;

/** @typedef {{ now: () => number, every: (act: () => void, ms: number) => number, cancel: (timer: number) => void }} Clock */

/** @type {Clock} the wall clock: it also counts while the computer sleeps */
const BROWSER = {
  now: () => Date.now(),
  every: (act, ms) => window.setInterval(act, ms),
  cancel: (timer) => window.clearInterval(timer),
};

export class Pulse {
  /** @param {() => void} onDead called once for each `begin` @param {Clock} [clock] */
  constructor(onDead, clock = BROWSER) {
    this.onDead = onDead;
    this.clock = clock;
    this.heardAt = 0;
    this.timer = 0;
  }

  /** A socket is being opened. */
  begin() {
    this.end();
    this.heard();
    this.timer = this.clock.every(() => this.#look(), LOOK_MS);
  }

  /** It has said something. */
  heard() {
    this.heardAt = this.clock.now();
  }

  /** It is closed. */
  end() {
    this.clock.cancel(this.timer);
  }

  #look() {
    if (this.clock.now() - this.heardAt <= SILENT_MS) return;
    this.end();
    this.onDead();
  }
}
