// "Follow ben": the page goes where his goes, within the same lab, until one touches anything.

import { placeNow } from "./presence-place.js";

/** @typedef {import("./presence.js").Person} Person */
/** @typedef {import("./presence-place.js").Place} Place */

const TOUCHES = ["pointerdown", "wheel", "keydown", "touchstart"];

/**
 * Where a follower must go: another address, a line, or nowhere.
 * @param {Place} theirs @param {Place} mine @param {string} slug the lab's
 * @returns {{ address?: string, hash?: string, line?: number, toEnd?: boolean }}
 */
export function nextMove(theirs, mine, slug) {
  if (!theirs.path.startsWith(`/labs/${slug}/`)) return {};
  const elsewhere = theirs.path !== mine.path || theirs.search !== mine.search;
  if (elsewhere) return { address: theirs.path + theirs.search + theirs.hash };
  if (theirs.hash !== mine.hash && theirs.hash !== "") return { hash: theirs.hash };
  if (theirs.at_end) return mine.at_end ? {} : { toEnd: true };
  return theirs.line !== 0 && theirs.line !== mine.line ? { line: theirs.line } : {};
}

export class Follow {
  /** @param {string} slug @param {() => void} onChange */
  constructor(slug, onChange) {
    this.slug = slug;
    this.key = `follow:${slug}`;
    this.onChange = onChange;
    this.user = Number(sessionStorage.getItem(this.key)) || 0;
    /** @type {string} where they were when this page went there last */ this.last = "";
    for (const name of TOUCHES) window.addEventListener(name, (event) => this.#touched(event), { capture: true, passive: true });
  }

  /** @param {Person} person @param {Person[]} people */
  toggle(person, people) {
    this.#set(this.user === person.user ? 0 : person.user);
    this.move(people);
  }

  /** @param {number} user */
  #set(user) {
    this.user = user;
    this.last = "";
    if (user) sessionStorage.setItem(this.key, String(user));
    else sessionStorage.removeItem(this.key);
    this.onChange();
  }

  /** @param {Event} event */
  #touched(event) {
    if (!this.user || !event.isTrusted) return;
    // The button itself says what it does; a turn of the wheel moves the page wherever the mouse rests.
    if (event.type !== "wheel" && /** @type {Element} */ (event.target).closest?.(".here")) return;
    this.#set(0);
  }

  /** @param {Person[]} people */
  move(people) {
    const place = people.find((person) => person.user === this.user && !person.is_me)?.place;
    if (!place || JSON.stringify(place) === this.last) return;
    this.last = JSON.stringify(place);
    const { address, hash, line, toEnd } = nextMove(place, placeNow(), this.slug);
    if (address) location.assign(address);
    else if (hash) location.hash = hash;
    else if (toEnd) /** @type {HTMLElement | null} */ (document.querySelector(".log-view [data-part=follow]"))?.click();
    else if (line) document.body.dispatchEvent(new CustomEvent("go-to-line", { detail: { line: line - 1 } }));
  }
}
