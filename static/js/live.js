// The page's only nudge socket (docs/nudges.md): each nudge becomes a DOM event on the body, to
// which fragments listen. After a lost connection every kind is fired once, because nudges may have
// been missed meanwhile; and the strip at the top says so while the page is not live.

import { backoffMs } from "./backoff.js";
import { DEAD, Pulse } from "./pulse.js";

export const KINDS = ["run-changed", "machines-changed", "lab-changed", "host-changed", "build-changed", "cluster-changed", "pairing-changed", "chat-grew", "notes-changed", "presence-changed"];
const REFUSED = new Set([4401, 4403, 4404]);

/** @param {string} type "run.changed" @returns {string} "run-changed" */
export function eventName(type) {
  return type.replaceAll(".", "-");
}

/** @param {string} topics "labs, lab-3" @returns {string[]} */
export function topicList(topics) {
  return [...new Set(topics.split(/[\s,]+/).filter(Boolean))];
}

class Live {
  /** @param {HTMLElement} body @param {string[]} topics */
  constructor(body, topics) {
    this.body = body;
    this.strip = document.getElementById("live-strip");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.url = `${scheme}//${location.host}/ws/live/?topics=${topics.map(encodeURIComponent).join(",")}`;
    this.attempt = 0;
    this.retryAt = 0;
    this.wasLive = false;
    /** @type {WebSocket | null} */ this.socket = null;
    this.timer = 0;
    this.countTimer = 0;
    this.pulse = new Pulse(() => this.#dead());
  }

  open() {
    window.clearTimeout(this.timer);
    if (this.socket) return;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.pulse.begin();
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.socket === socket && this.#nudge(JSON.parse(event.data));
    socket.onclose = (event) => this.socket === socket && this.#lost(event.code);
  }

  #dead() {
    const socket = this.socket;
    this.#lost(DEAD);
    socket?.close();
  }

  #opened() {
    this.attempt = 0;
    this.retryAt = 0;
    this.#show("");
    if (this.wasLive) this.#resync();
    this.wasLive = true;
    this.body.dataset["live"] = "yes";
  }

  #resync() {
    this.#fire("live-resync", {});
    KINDS.forEach((kind) => this.#fire(kind, { resync: true }));
  }

  /** @param {{ type?: string }} nudge */
  #nudge(nudge) {
    this.pulse.heard();
    if (typeof nudge.type === "string") this.#fire(eventName(nudge.type), nudge);
  }

  /** @param {string} name @param {object} detail */
  #fire(name, detail) {
    this.body.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** @param {number} code */
  #lost(code) {
    this.socket = null;
    this.pulse.end();
    this.body.dataset["live"] = "no";
    if (REFUSED.has(code)) {
      this.#show(code === 4401 ? "not live: you are signed out, reload the page" : "not live: no right to this page's news");
      return;
    }
    // A page that has never been live missed what happened since it was made, too.
    this.wasLive = true;
    const wait = backoffMs(this.attempt);
    this.attempt += 1;
    this.retryAt = Date.now() + wait;
    this.timer = window.setTimeout(() => this.open(), wait);
    this.#count();
  }

  /** Say how long until the next try, each second. */
  #count() {
    window.clearTimeout(this.countTimer);
    if (this.retryAt === 0) return;
    const seconds = Math.ceil((this.retryAt - Date.now()) / 1000);
    this.#show("not live, reconnecting", seconds > 0 ? ` in ${seconds} s` : " …");
    this.countTimer = window.setTimeout(() => this.#count(), 500);
  }

  /**
   * Screen readers tell the text once; the seconds that count down are for the eye.
   * @param {string} text "" hides the strip
   * @param {string} count
   */
  #show(text, count = "") {
    if (!this.strip) return;
    this.strip.hidden = text === "";
    if (this.strip.firstChild?.textContent !== text) {
      const seconds = document.createElement("span");
      seconds.setAttribute("aria-hidden", "true");
      this.strip.replaceChildren(text, seconds);
    }
    const last = this.strip.lastElementChild;
    if (last && last.textContent !== count) last.textContent = count;
  }
}

/** @param {HTMLElement} body */
export function mount(body) {
  const topics = topicList(body.dataset["topics"] ?? "");
  if (topics.length === 0) return;
  const live = new Live(body, topics);
  live.open();
  window.addEventListener("online", () => live.open());
}
