// Draws the rows that are in view, and only those: at most once per animation frame, whatever comes
// in meanwhile. An element stays as it is while its row stays the same, so that a selection and
// the browser's own find survive the lines that arrive.

/** @typedef {import("./log-window.js").LogWindow} LogWindow */
/** @typedef {{ key: string, version: string, build: () => HTMLElement, update?: (element: HTMLElement) => void }} Drawing with an update the element stays */
/** @typedef {{ element: HTMLElement, version: string }} Drawn */

const EXTRA = 12; // rows drawn above and below the view
const REST_MS = 200; // without a scroll: the bar may be put right

export class Painter {
  /**
   * @param {{ scroll: HTMLElement, space: HTMLElement, rows: HTMLElement }} parts
   * @param {LogWindow} view
   * @param {(row: number) => Drawing} draw
   * @param {{ onScroll: (direction: "up" | "down") => void, onPaint: (from: number, to: number) => void }} listener
   */
  constructor(parts, view, draw, listener) {
    this.parts = parts;
    this.view = view;
    this.draw = draw;
    this.listener = listener;
    this.isWrapped = false;
    this.isAsked = false;
    this.restTimer = 0;
    this.width = 0;
    /** @type {Map<string, Drawn>} */ this.drawn = new Map();
    parts.scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(parts.scroll);
  }

  /** Ask for a drawing with the next animation frame. */
  ask() {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => this.paint());
  }

  /** @param {boolean} isWrapped */
  setWrapped(isWrapped) {
    this.isWrapped = isWrapped;
    this.view.heights.clear();
    this.parts.rows.classList.toggle("is-wrapped", isWrapped);
    this.ask();
  }

  paint() {
    this.isAsked = false;
    const { view, parts } = this;
    view.viewHeight = parts.scroll.clientHeight;
    if (view.viewHeight === 0) return;
    const [from, to] = view.range(EXTRA);
    this.#reconcile(from, to);
    if (this.isWrapped) this.#measure(from, to);
    this.#place(from, to);
    this.listener.onPaint(from, to);
  }

  /**
   * Put the rows' elements in order. What has gone goes first: an element that stays is then never
   * moved, which would take the focus and the selection out of it.
   * @param {number} from @param {number} to
   */
  #reconcile(from, to) {
    const next = this.#draw(from, to);
    for (const [key, { element }] of this.drawn) {
      if (next.get(key)?.element !== element) element.remove();
    }
    let before = this.parts.rows.firstElementChild;
    for (const { element } of next.values()) {
      if (before === element) before = before.nextElementSibling;
      else this.parts.rows.insertBefore(element, before);
    }
    this.drawn = next;
  }

  /** @param {number} from @param {number} to @returns {Map<string, Drawn>} in the rows' order */
  #draw(from, to) {
    /** @type {Map<string, Drawn>} */
    const next = new Map();
    for (let row = from; row < to; row += 1) {
      const { key, version, build, update } = this.draw(row);
      const old = this.drawn.get(key);
      if (old && old.version !== version) update?.(old.element);
      const isKept = old !== undefined && (update !== undefined || old.version === version);
      next.set(key, { element: isKept ? old.element : build(), version });
    }
    return next;
  }

  /** @param {number} from @param {number} to */
  #measure(from, to) {
    const { heights, rowHeight } = this.view;
    if (heights.size > 20_000) heights.clear();
    for (let row = from; row < to; row += 1) {
      const key = this.view.keyOf(row);
      const height = this.drawn.get(key)?.element.getBoundingClientRect().height ?? rowHeight;
      if (height > 0) heights.set(key, height);
    }
  }

  /** @param {number} from @param {number} to */
  #place(from, to) {
    const { view, parts } = this;
    parts.space.style.height = `${view.spaceHeight}px`;
    if (view.isAtEnd) parts.scroll.scrollTop = view.maxScroll + 1;
    view.scrollTop = parts.scroll.scrollTop;
    parts.rows.style.transform = `translateY(${view.position(from, to)}px)`;
  }

  #scrolled() {
    const { view, parts } = this;
    // The browser moves the bar when the frame changes its size; that is nobody's wish to leave the end.
    if (parts.scroll.clientHeight !== view.viewHeight || parts.scroll.clientWidth !== this.width) {
      this.#resized();
      return;
    }
    const direction = view.scrolled(parts.scroll.scrollTop);
    if (direction === "none") return;
    this.listener.onScroll(direction);
    this.ask();
    window.clearTimeout(this.restTimer);
    if (this.#isNearAWrongEnd()) this.putBarRight();
    else this.restTimer = window.setTimeout(() => this.putBarRight(), REST_MS);
  }

  /** The bar is about to hit an end of its way, but the list is not: it has been scaled. */
  #isNearAWrongEnd() {
    const { view } = this;
    const ideal = view.idealScrollTop;
    const isTop = view.scrollTop < view.viewHeight && ideal > 2 * view.viewHeight;
    const isEnd = view.scrollTop > view.maxScroll - view.viewHeight && ideal < view.maxScroll - 2 * view.viewHeight;
    return isTop || isEnd;
  }

  /** Move the scroll bar to where it ought to be, without moving what is in view. */
  putBarRight() {
    const { view, parts } = this;
    const ideal = view.idealScrollTop;
    if (Math.abs(ideal - view.scrollTop) < 2) return;
    parts.scroll.scrollTop = ideal;
    view.scrollTop = parts.scroll.scrollTop;
    this.ask();
  }

  /** What is in view was moved by a command (a link, a hit, a fold): the bar follows. */
  moved() {
    const { view, parts } = this;
    parts.space.style.height = `${view.spaceHeight}px`;
    parts.scroll.scrollTop = view.idealScrollTop;
    view.scrollTop = parts.scroll.scrollTop;
    this.ask();
  }

  #resized() {
    this.view.viewHeight = this.parts.scroll.clientHeight;
    this.width = this.parts.scroll.clientWidth;
    this.view.scrollTop = this.parts.scroll.scrollTop; // where the browser has put it is no scrolling of anybody
    if (this.isWrapped) this.view.heights.clear();
    this.ask();
  }
}
