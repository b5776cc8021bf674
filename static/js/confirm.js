/**
 * `<form data-confirm="NAME">`: its submit button wakes up when the field named
 * `confirm` holds exactly NAME. The server checks the same; this only explains sooner.
 */

/** @param {HTMLFormElement} form */
function check(form) {
  const field = form.elements.namedItem("confirm");
  const button = form.querySelector("button[type=submit]");
  if (!(field instanceof HTMLInputElement) || !(button instanceof HTMLButtonElement)) return;
  button.disabled = field.value.trim() !== form.dataset.confirm;
}

/** @param {HTMLElement} root */
export function mount(root) {
  const forms = () => /** @type {NodeListOf<HTMLFormElement>} */ (root.querySelectorAll("form[data-confirm]"));
  root.addEventListener("input", (event) => {
    const form = /** @type {Element} */ (event.target).closest("form[data-confirm]");
    if (form instanceof HTMLFormElement) check(form);
  });
  root.addEventListener("htmx:afterSwap", () => forms().forEach(check));
  forms().forEach(check);
}
