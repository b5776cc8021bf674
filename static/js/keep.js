// A live update replaces a part's HTML. What the person did there stays: focus, open <details>, what was
// scrolled, text half typed. Elements are found again by what they are, not by where they stand. An update
// that changes nothing but times and tokens is not made at all; one that comes while text is marked waits.

const FIELDS = "input:not([type=hidden], [type=file]), textarea, select";
const STOPS = `a[href], button, summary, [tabindex], ${FIELDS}`;
const MARKED_MS = 15_000; // so long is text that somebody marks left alone

/** @typedef {{ value: string, checked: boolean }} Typed */
/** @typedef {{ key: string, start: number | null, end: number | null }} Focus */
/**
 * @typedef {object} Kept
 * @property {Map<string, boolean>} details open or closed, by key
 * @property {Map<string, Typed>} fields what was typed, by key
 * @property {Map<string, [number, number]>} scrolls top and left, by key; "" is the part itself
 * @property {Focus | null} focus
 * @property {string[]} badges how each state was drawn, in order
 */

/**
 * What an update says, without what differs each time it is asked: forms' tokens and relative times.
 * @param {string} html
 */
export function essence(html) {
  return html.replace(/(name="csrfmiddlewaretoken" value=")[^"]*/g, "$1").replace(/(<time\b[^>]*>)[^<]*/g, "$1");
}

/** @param {Element} element @param {Element} root what it is, without its place among its likes */
function kind(element, root) {
  if (element.id) return `#${element.id}`;
  const near = element.parentElement?.closest("[id], form");
  const place = near && root.contains(near) ? near.id || near.getAttribute("aria-label") || near.getAttribute("action") : "";
  const names = ["name", "aria-label", "href", "formaction", "class"].map((name) => element.getAttribute(name) ?? "");
  const text = element.matches("a, button") ? element.textContent?.trim() : "";
  return [place, element.tagName, ...names, text].join("|");
}

/**
 * @param {Element} root @param {string} selector
 * @returns {Map<string, HTMLElement>} the elements that fit, by a key that outlives an update
 */
function byKey(root, selector) {
  const found = new Map();
  for (const element of root.querySelectorAll(selector)) {
    const what = kind(element, root);
    let count = 0;
    while (found.has(`${what}|${count}`)) count += 1;
    found.set(`${what}|${count}`, element);
  }
  return found;
}

/** @param {HTMLElement} field @returns {Typed | null} null: it holds what the server put there */
function typedIn(field) {
  if (field instanceof HTMLSelectElement) {
    const isAsServed = [...field.options].every((option) => option.selected === option.defaultSelected);
    const servesNone = ![...field.options].some((option) => option.defaultSelected) && field.selectedIndex <= 0;
    return isAsServed || servesNone ? null : { value: field.value, checked: false };
  }
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return null;
  const checked = field instanceof HTMLInputElement && field.checked;
  const wasChecked = field instanceof HTMLInputElement && field.defaultChecked;
  return field.value === field.defaultValue && checked === wasChecked ? null : { value: field.value, checked };
}

/** @param {HTMLElement} field @param {Typed} typed */
function typeInto(field, typed) {
  if (field instanceof HTMLInputElement && /^(checkbox|radio)$/.test(field.type)) field.checked = typed.checked;
  else if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) field.value = typed.value;
  else if (field instanceof HTMLSelectElement && [...field.options].some((option) => option.value === typed.value)) field.value = typed.value;
}

/** @param {Element} root @returns {Focus | null} */
function focusIn(root) {
  const active = document.activeElement;
  if (!active || active === root || !root.contains(active)) return null;
  for (const [key, element] of byKey(root, STOPS)) {
    if (element !== active) continue;
    const isText = element instanceof HTMLTextAreaElement || (element instanceof HTMLInputElement && /^(text|search)$/.test(element.type));
    return { key, start: isText ? element.selectionStart : null, end: isText ? element.selectionEnd : null };
  }
  return { key: "", start: null, end: null };
}

/** @param {Element} root */
function badgesIn(root) {
  return [...root.querySelectorAll(".badge")].map((badge) => badge.className);
}

/** @param {HTMLElement} root @returns {Kept} */
function remember(root) {
  /** @type {Kept} */
  const kept = { details: new Map(), fields: new Map(), scrolls: new Map([["", [root.scrollTop, root.scrollLeft]]]), focus: focusIn(root), badges: badgesIn(root) };
  for (const [key, one] of byKey(root, "details")) kept.details.set(key, /** @type {HTMLDetailsElement} */ (one).open);
  for (const [key, field] of byKey(root, FIELDS)) {
    const typed = typedIn(field);
    if (typed) kept.fields.set(key, typed);
  }
  for (const [key, one] of byKey(root, ".scroll, .tail, pre")) {
    if (one.scrollTop || one.scrollLeft) kept.scrolls.set(key, [one.scrollTop, one.scrollLeft]);
  }
  return kept;
}

/** @param {HTMLElement} root @param {Focus} focus */
function refocus(root, focus) {
  if (document.activeElement && document.activeElement !== document.body) return; // htmx found it by its id
  const element = byKey(root, STOPS).get(focus.key);
  if (!element) {
    // What was in focus is gone: the keyboard goes on from here, not from the top of the page.
    if (!root.hasAttribute("tabindex")) root.tabIndex = -1;
    root.focus({ preventScroll: true });
    return;
  }
  element.focus({ preventScroll: true });
  if (focus.start === null || !(element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement)) return;
  element.setSelectionRange(focus.start, focus.end);
}

/** @param {HTMLElement} root @param {Kept} kept @param {boolean} isAsked somebody asked for something else: text begins at its top */
function restore(root, kept, isAsked) {
  for (const [key, one] of byKey(root, "details")) {
    const isOpen = kept.details.get(key);
    if (isOpen !== undefined) /** @type {HTMLDetailsElement} */ (one).open = isOpen;
  }
  for (const [key, field] of byKey(root, FIELDS)) {
    const typed = kept.fields.get(key);
    if (typed) typeInto(field, typed);
  }
  const boxes = byKey(root, isAsked ? ".scroll" : ".scroll, .tail, pre").set("", root);
  for (const [key, [top, left]] of kept.scrolls) boxes.get(key)?.scrollTo({ top, left, behavior: "instant" });
  if (kept.focus) refocus(root, kept.focus);
  root.querySelectorAll(".badge").forEach((badge, index, all) => {
    const isChanged = all.length === kept.badges.length && badge.className !== kept.badges[index];
    badge.classList.toggle("is-changed", isChanged);
  });
}

/** @param {HTMLElement} body */
export function mount(body) {
  /** @type {WeakMap<Element, string>} */ const last = new WeakMap();
  /** @type {WeakMap<Element, { kept: Kept, isAsked: boolean }>} */ const before = new WeakMap();
  let markedAt = 0;
  let isComposing = false;
  document.addEventListener("selectionchange", () => (markedAt = Date.now()));
  body.addEventListener("compositionstart", () => (isComposing = true));
  body.addEventListener("compositionend", () => (isComposing = false));

  /** @param {Element} target */
  const mustWait = (target) => {
    if (isComposing && target.contains(document.activeElement)) return true;
    const marked = document.getSelection();
    return Boolean(marked && !marked.isCollapsed && marked.containsNode(target, true)) && Date.now() - markedAt < MARKED_MS;
  };

  body.addEventListener("htmx:beforeSwap", (event) => {
    const { detail } = /** @type {CustomEvent} */ (event);
    const target = detail.target;
    if (!detail.shouldSwap || !(target instanceof HTMLElement) || detail.requestConfig?.verb !== "get") return;
    const isAsked = detail.requestConfig.triggeringEvent?.isTrusted === true;
    const words = essence(detail.serverResponse ?? "");
    if (!isAsked && (last.get(target) === words || mustWait(target))) {
      detail.shouldSwap = false;
      return;
    }
    last.set(target, words);
    before.set(target, { kept: remember(target), isAsked });
  });
  body.addEventListener("htmx:afterSwap", (event) => {
    const target = /** @type {CustomEvent} */ (event).detail.target;
    const one = before.get(target);
    if (!one) return;
    before.delete(target);
    restore(target, one.kept, one.isAsked);
  });
}
