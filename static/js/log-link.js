// Links to lines. People count lines from 1, as an editor does in the downloaded file; the data
// counts from 0. This file is the only place where the one becomes the other.

/** @typedef {{ first: number, last: number }} Range zero-based, both included */

/**
 * Read `#L120` or `#L120-130`.
 * @param {string} hash
 * @returns {Range | null}
 */
export function parseHash(hash) {
  const match = /^#L(\d{1,12})(?:-L?(\d{1,12}))?$/.exec(hash);
  if (!match) return null;
  const first = Number(match[1]) - 1;
  return first < 0 ? null : ordered(first, match[2] === undefined ? first : Number(match[2]) - 1);
}

/** @param {Range} range */
export function formatHash({ first, last }) {
  return first === last ? `#L${first + 1}` : `#L${first + 1}-${last + 1}`;
}

/** @param {number} line zero-based @returns {string} the number that people see */
export function shownNumber(line) {
  return String(line + 1);
}

/** @param {number} one @param {number} other @returns {Range} */
export function ordered(one, other) {
  return { first: Math.max(0, Math.min(one, other)), last: Math.max(0, one, other) };
}
