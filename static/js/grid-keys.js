/** Arrow keys go from cell to cell of the ladder table; Enter opens one, as a link does. */

/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** @param {HTMLTableCellElement} cell @param {number} down @param {number} right @returns {HTMLElement | null} */
function next(cell, down, right) {
  const row = /** @type {HTMLTableRowElement} */ (cell.parentElement);
  const table = cell.closest("table");
  for (let y = row.rowIndex + down, x = cell.cellIndex + right; ; y += down, x += right) {
    const found = table?.rows[y]?.cells[x];
    if (!found) return null;
    const link = found.querySelector("a.rung");
    if (link instanceof HTMLElement) return link;
  }
}

/** @param {HTMLElement} root */
export function mount(root) {
  root.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const cell = event.target instanceof Element && event.target.matches("a.rung") ? event.target.closest("td") : null;
    if (!step || !cell || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const link = next(cell, step[0], step[1]);
    if (!link) return;
    event.preventDefault();
    link.focus();
  });
}
