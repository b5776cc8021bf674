// Relative times go on while the page stays open: "3 min ago" becomes "4 min ago". The words are those of
// webapp/templatetags/ui.py (relative, span_text); the exact time stays in the title.

import { skewMs } from "./ticker.js";

const EVERY_MS = 5_000;
const [MINUTE, HOUR, DAY] = [60, 3_600, 86_400];

/** @param {number} seconds not negative @returns {string} "12 s", "3 min", "2 h", "5 days" */
export function spanText(seconds) {
  if (seconds < MINUTE) return `${Math.floor(seconds)} s`;
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  return seconds < 2 * DAY ? `${Math.floor(seconds / HOUR)} h` : `${Math.floor(seconds / DAY)} days`;
}

/** @param {number} seconds since then; below 0 it is still to come */
export function relative(seconds) {
  if (Math.abs(seconds) < 5) return "just now";
  return seconds > 0 ? `${spanText(seconds)} ago` : `in ${spanText(-seconds)}`;
}

/** @param {HTMLElement} body its data-now is the server's clock */
export function mount(body) {
  const skew = skewMs(body.dataset["now"]);
  const tick = () => {
    for (const time of /** @type {NodeListOf<HTMLTimeElement>} */ (document.querySelectorAll("time[data-reads]"))) {
      const seconds = (Date.now() - skew - Date.parse(time.dateTime)) / 1000;
      if (Number.isNaN(seconds)) continue;
      const text = time.dataset["reads"] === "ago" ? relative(seconds) : spanText(Math.max(0, seconds));
      if (time.textContent !== text) time.textContent = text;
    }
  };
  window.setInterval(tick, EVERY_MS);
}
