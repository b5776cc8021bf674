// Where this page looks: address, line of the log, rung, machine, terminal.

/**
 * @typedef {object} Place
 * @property {string} path
 * @property {string} search
 * @property {string} hash
 * @property {number} line counts from 1; 0 = no log
 * @property {boolean} at_end the log is followed
 * @property {string} rung
 * @property {string} machine
 * @property {number} terminal
 */

/** What was touched last: `data-place="terminal:3:winw1"` or `"machine:winw1"`. */
let touched = "";

/** @param {Event} event */
function touch(event) {
  const place = /** @type {Element} */ (event.target).closest?.("[data-place]")?.getAttribute("data-place");
  if (place) touched = place;
}

export function watchTouches() {
  document.addEventListener("pointerdown", touch, { capture: true });
  document.addEventListener("focusin", touch, { capture: true });
}

/** @returns {Place} */
export function placeNow() {
  const chosen = new URLSearchParams(location.search);
  const [kind, first = "", second = ""] = touched.split(":");
  return {
    path: location.pathname,
    search: location.search.slice(0, 200),
    hash: location.hash,
    ...logPlace(),
    rung: chosen.get("rung") ?? "",
    machine: chosen.get("machine") ?? (kind === "terminal" ? second : kind === "machine" ? first : ""),
    terminal: kind === "terminal" ? Number(first) || 0 : 0,
  };
}

/** @returns {{ line: number, at_end: boolean }} */
function logPlace() {
  const scroll = document.querySelector(".log-scroll");
  const follow = /** @type {HTMLElement | null} */ (document.querySelector(".log-view [data-part=follow]"));
  if (!scroll || !follow) return { line: 0, at_end: false };
  const top = scroll.getBoundingClientRect().top;
  for (const row of scroll.querySelectorAll(".log-line[data-line]")) {
    if (row.getBoundingClientRect().bottom > top + 1) return { line: Number(row.getAttribute("data-line")) + 1, at_end: follow.hidden };
  }
  return { line: 0, at_end: follow.hidden };
}

/** @param {Place} one @param {Place} other */
export function samePlace(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
