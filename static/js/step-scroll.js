// A long list of steps opens at the one that failed, else at the one under way; the page itself stays.

/** The selectors of what one wants to see first. */
const FIRST = [".step.is-failed", ".step.is-interrupted", ".step.is-canceled", ".step.is-running"];

/**
 * Return how far to scroll a list so that the step stands a third below its top; 0 when all fits.
 * @param {{ top: number, height: number, content: number }} list
 * @param {{ top: number, height: number }} step measured as `list.top` is, with the list unscrolled
 */
export function offsetFor(list, step) {
  const most = Math.max(0, list.content - list.height);
  const isSeen = step.top + step.height <= list.top + list.height;
  if (isSeen) return 0;
  return Math.min(most, Math.max(0, step.top - list.top - list.height / 3));
}

/** @param {HTMLElement} element the scrolling list */
export function mount(element) {
  const step = FIRST.map((selector) => element.querySelector(selector)).find((found) => found !== null);
  if (!step) return;
  element.scrollTop = 0;
  const list = element.getBoundingClientRect();
  const found = step.getBoundingClientRect();
  element.scrollTop = offsetFor(
    { top: list.top, height: element.clientHeight, content: element.scrollHeight },
    { top: found.top, height: found.height },
  );
}
