// How long to wait before the next try to connect.

const FIRST_MS = 500;
const LONGEST_MS = 8_000;

/**
 * 0.5 s, doubled with each try up to 8 s, and between 75 % and 100 % of that, so that all the
 * browsers that lost one server do not come back in the same moment.
 * @param {number} attempt 0 for the first
 * @param {() => number} [random] 0 … 1
 * @returns {number} ms
 */
export function backoffMs(attempt, random = Math.random) {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(full * (0.75 + 0.25 * random()));
}
