// Who is on this lab and where: tells the server where this tab looks, draws the others, and moves after
// the one whom one follows (follow.js). Contract: docs/pairing.md.

import { backoffMs } from "./backoff.js";
import { Follow } from "./follow.js";
import { DEAD, Pulse } from "./pulse.js";
import { placeNow, samePlace, watchTouches } from "./presence-place.js";
import { drawPeople } from "./presence-people.js";

/** @typedef {import("./presence-place.js").Place} Place */
/** @typedef {{ user: number, name: string, initials: string, is_guest: boolean, is_me: boolean, words: string, place: Place }} Person */

const PING_MS = 10_000;
const LOOK_MS = 250; // how often a change of place is looked for
const REFUSED = new Set([4401, 4403, 4404]);

/** @returns {string} the same after a reload, another in another tab */
function tabName() {
  const known = sessionStorage.getItem("presence-tab");
  if (known) return known;
  const made = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem("presence-tab", made);
  return made;
}

class Presence {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    const slug = element.dataset["slug"] ?? "";
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.url = `${scheme}//${location.host}/ws/presence/${element.dataset["lab"]}/?tab=${tabName()}`;
    this.follow = new Follow(slug, () => this.#draw());
    /** @type {Person[]} */ this.people = [];
    /** @type {Place | null} */ this.told = null;
    /** @type {WebSocket | null} */ this.socket = null;
    this.attempt = 0;
    this.timer = 0;
    this.pulse = new Pulse(() => this.#dead());
  }

  begin() {
    watchTouches();
    this.#open();
    window.setInterval(() => this.#tell(), LOOK_MS);
    window.setInterval(() => this.#send({ ping: 1 }), PING_MS);
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#open());
    // A page kept for "back" holds no socket.
    window.addEventListener("pagehide", () => this.socket?.close());
    window.addEventListener("pageshow", (event) => event.persisted && this.#open());
  }

  #open() {
    window.clearTimeout(this.timer);
    if (this.socket) return;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    this.pulse.begin();
    socket.onopen = () => {
      this.attempt = 0;
      this.told = null;
      this.#tell();
    };
    socket.onmessage = (event) => this.socket === socket && this.#hear(JSON.parse(event.data));
    socket.onclose = (event) => this.socket === socket && this.#lost(event.code);
  }

  #dead() {
    const socket = this.socket;
    this.#lost(DEAD);
    socket?.close();
  }

  /** @param {number} code */
  #lost(code) {
    this.socket = null;
    this.pulse.end();
    this.element.dataset["live"] = "no";
    if (REFUSED.has(code)) {
      this.people = [];
      this.#draw();
      if (code === 4403) document.body.dispatchEvent(new CustomEvent("toast", { detail: { level: "error", text: "You may not see this lab any more: your invitation has ended. What is on the page is not live." } }));
      return;
    }
    if (document.visibilityState === "hidden") return; // seen again when the page is
    this.timer = window.setTimeout(() => this.#open(), backoffMs(this.attempt));
    this.attempt += 1;
  }

  #tell() {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const place = placeNow();
    if (this.told && samePlace(this.told, place)) return;
    this.told = place;
    this.#send({ place });
  }

  /** @param {object} message */
  #send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** @param {{ people?: Person[] }} message */
  #hear(message) {
    this.pulse.heard();
    this.element.dataset["live"] = "yes";
    if (!message.people) return;
    this.people = message.people;
    this.#draw();
    this.follow.move(this.people);
  }

  #draw() {
    const list = this.element.querySelector("[data-part=people]");
    const said = this.element.querySelector("[data-part=said]");
    if (list) drawPeople(list, this.people, this.follow.user, (person) => this.follow.toggle(person, this.people));
    for (const person of this.people) {
      const words = document.querySelector(`[data-words="${person.user}"]`);
      if (words && words.textContent !== person.words) words.textContent = person.words;
    }
    const followed = this.people.find((person) => person.user === this.follow.user);
    const text = followed ? `following ${followed.name}` : "";
    if (said && said.textContent !== text) said.textContent = text;
  }
}

/** @param {HTMLElement} element */
export function mount(element) {
  new Presence(element).begin();
}
