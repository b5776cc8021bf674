// Mounts each [data-mount="NAME NAME"] of the page, and of every fragment that htmx brings later.

import * as ago from "./ago.js";
import * as keep from "./keep.js";
import * as live from "./live.js";
import * as menu from "./menu.js";
import * as tabState from "./tab-state.js";

/** @typedef {{ mount: (element: any) => unknown }} Module any: some mount on a <dialog>, some on a <button> */

/** Modules by name, loaded when a page has need of them. @type {Record<string, () => Promise<Module>>} */
const MODULES = {
  "log-view": () => import("./log-view.js"),
  "definition-form": () => import("./definition-form.js"),
  ask: () => import("./ask.js"),
  "grid-keys": () => import("./grid-keys.js"),
  confirm: () => import("./confirm.js"),
  copy: () => import("./copy.js"),
  palette: () => import("./palette.js"),
  theme: () => import("./theme.js"),
  player: () => import("./player.js"),
  shell: () => import("./shell.js"),
  "step-scroll": () => import("./step-scroll.js"),
  toast: () => import("./toast.js"),
  ticker: () => import("./ticker.js"),
  presence: () => import("./presence.js"),
  chat: () => import("./chat.js"),
  "chat-quote": () => import("./chat-quote.js"),
  notes: () => import("./notes.js"),
};

/** @type {WeakMap<Element, Set<string>>} */
const mounted = new WeakMap();

/** @param {ParentNode} part */
function mountAll(part) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (part.querySelectorAll("[data-mount]"))) {
    for (const name of (element.dataset["mount"] ?? "").split(/\s+/)) void mountOne(element, name);
  }
}

/** @param {HTMLElement} element @param {string} name */
async function mountOne(element, name) {
  const names = mounted.get(element) ?? new Set();
  if (names.has(name) || !MODULES[name]) return;
  mounted.set(element, names.add(name));
  const module = await MODULES[name]();
  module.mount(element);
}

mountAll(document);
keep.mount(document.body);
menu.mount(document.body);
ago.mount(document.body);
tabState.mount(document.body);
live.mount(document.body);
document.body.addEventListener("htmx:load", (event) => {
  const { elt } = /** @type {CustomEvent<{ elt: HTMLElement }>} */ (event).detail;
  mountAll(elt.parentElement ?? document);
});
