/**
 * `<dialog data-mount="ask">`: opens when htmx has brought a question into it, closes on Cancel and Esc,
 * and gives the focus back to where it was. Without JavaScript the question is a page of its own.
 */

/** @param {HTMLDialogElement} dialog */
export function mount(dialog) {
  /** @type {string} */ let askedBy = "";
  dialog.addEventListener("htmx:afterSwap", () => {
    if (dialog.open || dialog.childElementCount === 0) return;
    askedBy = document.activeElement?.id ?? "";
    dialog.showModal();
  });
  dialog.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-close]")) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("close", () => {
    if (dialog.open) return; // asked anew meanwhile
    dialog.replaceChildren();
    document.getElementById(askedBy)?.focus();
  });
}
