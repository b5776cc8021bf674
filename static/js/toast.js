/** Toasts: messages of the server that close by themselves, errors only by hand. */

const STAY_MS = 6000;

/** @param {Element} toast */
function schedule(toast) {
  toast.querySelector("button")?.addEventListener("click", () => toast.remove());
  if (toast.classList.contains("toast-error")) return;
  let timer = setTimeout(() => toast.remove(), STAY_MS);
  toast.addEventListener("mouseenter", () => clearTimeout(timer));
  toast.addEventListener("mouseleave", () => {
    timer = setTimeout(() => toast.remove(), STAY_MS);
  });
}

/**
 * Make a toast element.
 * @param {string} text
 * @param {string} level success | info | warning | error
 */
function build(text, level) {
  const toast = document.createElement("div");
  toast.className = `toast toast-${level}`;
  toast.setAttribute("role", level === "error" ? "alert" : "status");
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "×";
  close.setAttribute("aria-label", "Close");
  toast.append(words, close);
  return toast;
}

/** @param {HTMLElement} stack */
export function mount(stack) {
  for (const toast of stack.children) schedule(toast);
  /** @param {string} text @param {string} level */
  const show = (text, level) => {
    const toast = build(text, level);
    stack.append(toast);
    schedule(toast);
  };
  document.body.addEventListener("toast", (event) => {
    const detail = /** @type {CustomEvent} */ (event).detail;
    show(detail.text, detail.level ?? "info");
  });
  document.body.addEventListener("htmx:sendError", () => {
    if (!document.querySelector("#live-strip:not([hidden])")) show("The server did not answer.", "warning");
  });
}
