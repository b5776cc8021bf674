/** The palette: `/` or Ctrl-K opens it, the server fills it, arrow keys walk through it. */

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** The log viewer has `/` for its own search. */
function slashIsTaken() {
  return document.querySelector('[data-mount~="log-view"]') !== null;
}

/** @param {KeyboardEvent} event */
function opens(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") return true;
  const isBare = !event.ctrlKey && !event.metaKey && !event.altKey;
  return event.key === "/" && isBare && !event.defaultPrevented && !isTyping(event.target) && !slashIsTaken();
}

/**
 * Move the focus among the field and the results.
 * @param {HTMLElement} dialog
 * @param {number} by
 */
function walk(dialog, by) {
  const stops = /** @type {HTMLElement[]} */ ([...dialog.querySelectorAll("input[type=search], .palette-results a, .palette-results button")]);
  const at = stops.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  stops[(at + by + stops.length) % stops.length]?.focus();
}

/**
 * Enter in the field: go to the first result, if the results are of what stands there now.
 * A command is only brought into focus, so that it takes a second Enter and is read before.
 * @param {HTMLElement} dialog
 * @param {string} text
 */
function choose(dialog, text) {
  if (dialog.querySelector("[data-for]")?.getAttribute("data-for") !== text.trim()) return;
  const first = /** @type {HTMLElement | null} */ (dialog.querySelector(".palette-results a, .palette-results button"));
  if (first instanceof HTMLButtonElement) first.focus();
  else first?.click();
}

/** @param {HTMLDialogElement} dialog */
export function mount(dialog) {
  const field = /** @type {HTMLInputElement} */ (dialog.querySelector("input[type=search]"));
  const open = () => {
    if (dialog.open) return;
    dialog.showModal();
    field.select();
    field.dispatchEvent(new Event("palette-opened"));
  };
  document.addEventListener("keydown", (event) => {
    if (!opens(event)) return;
    event.preventDefault();
    open();
  });
  document.querySelector("[data-opens-palette]")?.addEventListener("click", open);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      walk(dialog, event.key === "ArrowDown" ? 1 : -1);
    }
    if (event.key === "Enter" && event.target === field) {
      event.preventDefault();
      choose(dialog, field.value);
    }
  });
}
