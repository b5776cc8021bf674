// Counts up in every <time data-since="…ISO…"> of the page, once a second: steps and runs that are at work.

import { duration } from "./log-time.js";

/**
 * @param {string} since ISO 8601
 * @param {number} nowMs the server's clock, as well as the browser knows it
 * @returns {string} "4:10", "" if it is no time
 */
export function elapsed(since, nowMs) {
  const start = Date.parse(since);
  return Number.isNaN(start) ? "" : duration((nowMs - start) / 1000);
}

/**
 * How far this computer's clock is ahead of the server's, from a page's `data-now`.
 * @param {string | undefined} serverNow ISO 8601
 */
export function skewMs(serverNow) {
  const server = Date.parse(serverNow ?? "");
  return Number.isNaN(server) ? 0 : Date.now() - server;
}

/** @param {HTMLElement} element the part of the page to look in; its data-now is the server's clock */
export function mount(element) {
  const skew = skewMs(element.dataset["now"]);
  const tick = () => {
    for (const time of /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("time[data-since]"))) {
      time.textContent = elapsed(time.dataset["since"] ?? "", Date.now() - skew);
    }
  };
  tick();
  window.setInterval(tick, 1000);
}
