// A menu is a <details class="menu">: it opens without a script. This closes it where one expects it: a click
// beside it, Escape (the focus goes back to what opened it), or the focus going elsewhere.

/** @param {HTMLDetailsElement} menu @param {EventTarget | null} target */
function isOutside(menu, target) {
  return !(target instanceof Node) || !menu.contains(target);
}

/** @param {HTMLElement} body */
export function mount(body) {
  const open = () => /** @type {NodeListOf<HTMLDetailsElement>} */ (body.querySelectorAll("details.menu[open]"));
  body.addEventListener("click", (event) => open().forEach((menu) => (menu.open = !isOutside(menu, event.target))));
  body.addEventListener("focusin", (event) => open().forEach((menu) => (menu.open = !isOutside(menu, event.target))));
  body.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of open()) {
      menu.open = false;
      menu.querySelector("summary")?.focus();
    }
  });
}
