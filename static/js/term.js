// xterm.js under this site's rules: its <style> elements carry the page's nonce, its style attributes go
// through the CSSOM, and nothing a guest says leaves the terminal's cells (the server has filtered it).

/** @typedef {any} Xterm any: xterm.js comes without types, out of a Python package */

/** @returns {string} the nonce of the page's style sheets, "" when it has none */
function pageNonce() {
  const link = /** @type {HTMLLinkElement | null} */ (document.querySelector("link[rel=stylesheet][nonce]"));
  return link?.nonce ?? "";
}

/**
 * Have style="…" set by way of the CSSOM, which a policy without unsafe-inline allows.
 * @param {HTMLElement} element
 */
function styleByObject(element) {
  const plain = element.setAttribute.bind(element);
  element.setAttribute = (name, value) => {
    if (name === "style") element.style.cssText = value;
    else plain(name, value);
  };
  const clone = element.cloneNode.bind(element);
  element.cloneNode = (isDeep) => {
    const copy = clone(isDeep);
    if (copy instanceof HTMLElement) styleByObject(copy);
    return copy;
  };
}

/**
 * The document, but what it makes fits the policy. A Proxy, because xterm.js wants an instance of Document.
 * @param {string} nonce
 */
export function politeDocument(nonce) {
  const createElement = (/** @type {string} */ name) => {
    const element = document.createElement(name);
    if (name === "style") element.nonce = nonce;
    else styleByObject(element);
    return element;
  };
  return new Proxy(document, {
    get(target, key) {
      if (key === "createElement") return createElement;
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
    set: (target, key, value) => Reflect.set(target, key, value, target),
  });
}

let isPolite = false;

/** Its rows are made by the page's own document, whatever xterm.js is given: their spans too fit the policy. */
function makePoliteSpans() {
  if (isPolite) return;
  isPolite = true;
  const plain = document.createElement.bind(document);
  document.createElement = (/** @type {string} */ name, /** @type {ElementCreationOptions=} */ options) => {
    const element = plain(name, options);
    if (name === "span") styleByObject(element);
    return element;
  };
}

const THEME = { background: "#0b0e12", foreground: "#e4e8ee", cursor: "#82b1ff", selectionBackground: "#3a4a63" };

/**
 * Make a terminal in `screen`, with what fits it to its frame.
 * @param {string} url of the module
 * @param {HTMLElement} screen
 * @returns {Promise<{ terminal: Xterm, fit: Xterm }>}
 */
export async function makeTerminal(url, screen) {
  const { Terminal, FitAddon } = await import(url);
  makePoliteSpans();
  const terminal = new Terminal({
    allowProposedApi: false,
    convertEol: false,
    cursorBlink: false,
    documentOverride: politeDocument(pageNonce()),
    fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono") || "monospace",
    fontSize: 13,
    linkHandler: null,
    minimumContrastRatio: 4.5,
    scrollback: 5000,
    theme: THEME,
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(screen);
  return { terminal, fit };
}
