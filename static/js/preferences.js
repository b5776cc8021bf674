// What a person has chosen for the viewer, kept in this browser; a browser that keeps nothing
// (private window, storage off) just forgets.

const KEY = "log-view";
const NARROW = 700; // px: on a telephone long lines are wrapped unless one says otherwise

/** @typedef {{ stamps: import("./log-time.js").Stamps, isWrapped: boolean }} Preferences */

/** @returns {Preferences} */
export function load() {
  /** @type {Preferences} */
  const preferences = { stamps: "relative", isWrapped: window.innerWidth < NARROW };
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (["relative", "absolute", "off"].includes(stored.stamps)) preferences.stamps = stored.stamps;
    if (typeof stored.isWrapped === "boolean") preferences.isWrapped = stored.isWrapped;
  } catch {
    // As if nothing had been stored.
  }
  return preferences;
}

/** @param {Preferences} preferences */
export function save(preferences) {
  try {
    localStorage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // Nothing to do: the choice holds until the page is left.
  }
}
