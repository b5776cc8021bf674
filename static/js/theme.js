/** The theme switch: auto → light → dark, stored in this browser. */

const NEXT = { auto: "light", light: "dark", dark: "auto" };

/** @typedef {"auto" | "light" | "dark"} Theme */

/** @returns {Theme} */
export function chosen() {
  const theme = document.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "auto";
}

/** @param {Theme} theme */
function choose(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "auto") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    /* Not stored: the choice holds for this page. */
  }
}

/** @param {HTMLElement} button */
export function mount(button) {
  const show = () => {
    const word = document.createElement("span");
    word.className = "not-narrow";
    word.textContent = "theme: ";
    button.replaceChildren(word, chosen());
    button.setAttribute("aria-label", `Theme: ${chosen()}`);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    choose(/** @type {Theme} */ (NEXT[chosen()]));
    show();
  });
  show();
}
