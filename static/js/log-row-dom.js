// The elements of one row: a line, or a step's heading. Every text goes in by textContent.

import { parse } from "./ansi.js";
import { shownNumber } from "./log-link.js";
import { cut, pieces } from "./log-search.js";
import { grouped, stamp } from "./log-time.js";
import { elapsed } from "./ticker.js";

/** @typedef {import("./log-lines.js").Line} Line */
/** @typedef {import("./log-steps.js").Step} Step */
/**
 * @typedef {object} LineLook
 * @property {number} startMs
 * @property {import("./log-time.js").Stamps} stamps
 * @property {RegExp | null} marker
 * @property {boolean} isHit
 * @property {boolean} isCurrent the hit that one stands at
 * @property {boolean} isMarked in the linked range
 * @property {boolean} isReturn its step comes back here
 * @property {boolean} isNoise known, and worse to look at than it is
 * @property {boolean} isWhole show it all, however long it is
 * @property {string} stepTitle
 */

const LONG = 3_000; // characters drawn of a line, until one asks for the rest
const STREAMS = new Map([["error", ["■", "error"]], ["note", ["»", "note from the dashboard"]]]);

/**
 * @param {string} tag @param {string} [classes] @param {string} [text]
 * @returns {HTMLElement}
 */
export function make(tag, classes = "", text = "") {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  if (text) element.textContent = text;
  return element;
}

/**
 * @param {number} number
 * @param {Line | undefined} line undefined: not here yet
 * @param {LineLook} look
 */
export function lineElement(number, line, look) {
  const row = make("div", "log-line");
  row.dataset["line"] = String(number);
  row.append(numberLink(number, look.stepTitle));
  if (line) fill(row, line, look);
  else row.append(make("span", "log-text is-loading", "…"));
  row.classList.toggle("is-noise", look.isNoise);
  row.classList.toggle("is-marked", look.isMarked);
  row.classList.toggle("is-hit", look.isHit);
  row.classList.toggle("is-current", look.isCurrent);
  return row;
}

/** @param {number} number @param {string} stepTitle */
function numberLink(number, stepTitle) {
  const link = /** @type {HTMLAnchorElement} */ (make("a", "log-number", shownNumber(number)));
  link.href = `#L${shownNumber(number)}`;
  // Hundreds of lines would be as many tab stops; j, k and y do the same from the keyboard.
  link.tabIndex = -1;
  if (stepTitle) link.title = stepTitle;
  return link;
}

/** @param {HTMLElement} row @param {Line} line @param {LineLook} look */
function fill(row, [ms, , machine, stream, text], look) {
  if (look.stamps !== "off") {
    const time = /** @type {HTMLTimeElement} */ (make("time", "log-stamp", stamp(ms, look.startMs, look.stamps)));
    time.dateTime = new Date(ms).toISOString();
    time.title = time.dateTime;
    row.append(time);
  }
  row.append(make("span", "log-machine", (look.isReturn ? "↳" : "") + machine));
  row.append(streamMark(row, stream), textElement(text, look));
}

/** @param {HTMLElement} row @param {string} stream */
function streamMark(row, stream) {
  const [shape = "", word = ""] = STREAMS.get(stream) ?? [];
  const mark = make("span", "log-stream", shape);
  if (word) {
    row.classList.add(`is-${stream}`);
    mark.setAttribute("role", "img");
    mark.setAttribute("aria-label", word);
    mark.title = word;
  }
  return mark;
}

/** @param {string} text @param {LineLook} look */
function textElement(text, look) {
  const element = make("span", "log-text");
  const rest = look.isWhole ? 0 : text.length - LONG;
  const spans = parse(rest > 0 ? text.slice(0, LONG) : text);
  const shown = spans.map((span) => span.text).join("");
  for (const part of cut(spans, pieces(shown, look.marker))) {
    if (part.isHit) element.append(make("mark", part.classes, part.text));
    else if (part.classes) element.append(make("span", part.classes, part.text));
    else element.append(part.text);
  }
  if (rest > 0) element.append(moreButton(rest));
  return element;
}

/** @param {number} rest */
function moreButton(rest) {
  const button = make("button", "log-more", `… ${grouped(rest)} more characters`);
  button.dataset["act"] = "whole";
  return button;
}

/**
 * What is known of the failure in the line above.
 * @param {import("./log-findings.js").Finding[]} findings
 */
export function findingElement(findings) {
  const row = make("div", "log-finding");
  row.append(make("span", "log-finding-sign", "▲"));
  for (const { title, explanation, advice } of findings) {
    row.append(make("span", "log-finding-title", title), make("span", "", `${explanation} ${advice}`));
  }
  return row;
}

/** @typedef {{ isFolded: boolean, lineCount: number, isReturn: boolean }} HeadLook */

/**
 * A step's heading: a button that folds and unfolds its lines.
 * @param {number} number
 * @param {Step | undefined} step
 * @param {HeadLook} look
 */
export function headElement(number, step, look) {
  const row = make("div", "log-head");
  const button = make("button", "log-fold");
  button.dataset["fold"] = String(number);
  row.append(button);
  updateHead(row, number, step, look);
  return row;
}

/**
 * Renew a heading's words; the button itself stays, and keeps the focus.
 * @param {HTMLElement} row
 * @param {number} number
 * @param {Step | undefined} step
 * @param {HeadLook} look
 */
export function updateHead(row, number, step, { isFolded, lineCount, isReturn }) {
  const button = /** @type {HTMLElement} */ (row.firstElementChild);
  button.setAttribute("aria-expanded", String(!isFolded));
  button.replaceChildren(make("span", "log-fold-sign", isFolded ? "▸" : "▾"));
  if (step) button.append(statusMark(step));
  if (step?.machine) button.append(make("span", "log-head-machine", step.machine));
  button.append(make("span", "log-head-title", (step?.title ?? `step ${number}`) + (isReturn ? ", continued" : "")));
  if (step) button.append(timeElement(step));
  button.append(make("span", "log-head-count", `${grouped(lineCount)} ${lineCount === 1 ? "line" : "lines"}${isFolded ? " folded" : ""}`));
}

/** @param {Step} step */
function statusMark(step) {
  const mark = make("span", `log-head-mark is-${step.status}`, step.mark);
  mark.title = step.word;
  mark.setAttribute("role", "img");
  mark.setAttribute("aria-label", step.word);
  return mark;
}

/** @param {Step} step */
function timeElement(step) {
  const time = make("time", "log-head-time", step.since ? elapsed(step.since, Date.now()) : step.took);
  if (step.since) time.dataset["since"] = step.since;
  return time;
}
