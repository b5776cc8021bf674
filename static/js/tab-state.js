// The browser's tab tells the state of what the page is about, so that it is seen from another tab: a shape
// before the title, and in the icon. It is the first state in the page's head, which live updates renew.

/** @type {Record<string, string>} */
const SHAPES = { ready: "●", working: "◐", attention: "▲", failed: "■" };
/** @type {Record<string, string>} drawn into the icon's corner; colours of the light table in app.css */
const MARKS = {
  ready: '<circle cx="23" cy="23" r="8" fill="#17713a" stroke="#fff" stroke-width="2"/>',
  working: '<circle cx="23" cy="23" r="7.5" fill="#fff" stroke="#1c5bcb" stroke-width="3"/><path d="M23 15a8 8 0 0 0 0 16z" fill="#1c5bcb"/>',
  attention: '<path d="M23 13l9 17H14z" fill="#e5ad45" stroke="#fff" stroke-width="2"/>',
  failed: '<path d="M15 15h16v16H15z" fill="#b0251d" stroke="#fff" stroke-width="2"/>',
};

/** @param {string} className "badge badge-failed" @returns {string} "failed"; "" for what is no news */
export function stateOf(className) {
  const state = /badge-(\w+)/.exec(className)?.[1] ?? "";
  return SHAPES[state] ? state : "";
}

/** @param {string} title @param {string} state @returns {string} "■ broken · SIG-Windows Lab" */
export function titled(title, state) {
  const bare = title.replace(/^[●◐▲■] /u, "");
  return SHAPES[state] ? `${SHAPES[state]} ${bare}` : bare;
}

/** @param {string} state */
function icon(state) {
  const mark = MARKS[state] ?? "";
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#1c5bcb"/><path d="M8 9h7v6H8zM17 9h7v6h-7zM8 17h7v6H8z" fill="#fff"/>${mark}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** @param {HTMLElement} body */
export function mount(body) {
  const link = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[rel="icon"]'));
  let shown = "";
  const show = () => {
    const state = stateOf(document.querySelector("main .page-head .badge")?.className ?? "");
    if (state === shown || !link) return;
    shown = state;
    document.title = titled(document.title, state);
    link.href = icon(state);
  };
  body.addEventListener("htmx:afterSwap", show);
  show();
}
