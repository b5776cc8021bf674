// The definition editor beyond what htmx does: a problem's line is shown in the text, wrong fields are marked.

/** @param {HTMLTextAreaElement} area @param {number} line counted from 1 */
export function selectLine(area, line) {
  const { start, end } = lineRange(area.value, line);
  area.focus();
  area.setSelectionRange(start, end);
  const height = area.scrollHeight / Math.max(area.value.split("\n").length, 1);
  area.scrollTop = Math.max(0, (line - 4) * height);
}

/**
 * Where a line begins and ends in a text; beyond its end: the last line.
 * @param {string} text @param {number} line counted from 1
 */
export function lineRange(text, line) {
  const lines = text.split("\n");
  const index = Math.min(Math.max(line, 1), lines.length) - 1;
  const start = lines.slice(0, index).reduce((sum, one) => sum + one.length + 1, 0);
  return { start, end: start + (lines[index] ?? "").length };
}

/** Mark the fields below which a problem stands. @param {HTMLElement} form */
function markFields(form) {
  for (const told of form.querySelectorAll("[id$='-told']")) {
    const field = document.getElementById(told.id.slice(0, -"-told".length));
    if (told.childElementCount > 0) field?.setAttribute("aria-invalid", "true");
    else field?.removeAttribute("aria-invalid");
  }
}

/** @param {HTMLElement} form */
export function mount(form) {
  form.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-line]") : null;
    const area = form.querySelector("#definition-text");
    if (button instanceof HTMLElement && area instanceof HTMLTextAreaElement) {
      selectLine(area, Number(button.dataset["line"]));
    }
  });
  form.addEventListener("htmx:afterSettle", () => markFields(form));
}
