// What the page's list of steps says, for the headings in the log. The list is a fragment that the
// server renders and htmx replaces; it stays the only source.

/**
 * @typedef {object} Step
 * @property {string} title
 * @property {string} machine
 * @property {string} status
 * @property {string} mark the shape
 * @property {string} word what the shape means
 * @property {string} since ISO 8601 while it runs, else ""
 * @property {string} took "1:42", "" while it has not ended
 */

/**
 * @param {ParentNode} page
 * @returns {Map<number, Step>} by the step's number
 */
export function readSteps(page) {
  const steps = new Map();
  for (const item of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("[data-step]"))) {
    const { step, title = "", machine = "", status = "", mark = "", word = "", since = "", took = "" } = item.dataset;
    steps.set(Number(step), { title, machine, status, mark, word, since, took });
  }
  return steps;
}
