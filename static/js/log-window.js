// Where the list stands: which row is at the top of the view and how far it is pushed up. A browser
// cannot make an element of a million rows' height everywhere (Chromium ends near 33 million px, Firefox near
// 17), so the scroll bar is scaled: small movements are taken as they are, pixel by pixel, large ones
// (the bar dragged, Home, End) as a place in the whole. Pure: heights come in, positions go out.

export const MAX_HEIGHT = 6_000_000;
const JUMP = 1.5; // of the view's height: a longer way is a jump

export class LogWindow {
  /** @param {number} rowHeight px */
  constructor(rowHeight) {
    this.rowHeight = rowHeight;
    this.viewHeight = 0;
    this.total = 0;
    this.row = 0;
    this.offset = 0; // px of `row` that are above the view
    this.scrollTop = 0;
    this.isAtEnd = true; // stuck to the last row
    /** Heights that are not rowHeight, by row key. @type {Map<string, number>} */
    this.heights = new Map();
    /** @type {(row: number) => string} */
    this.keyOf = String;
  }

  /** The height that the whole would have, were there no limit. */
  get fullHeight() {
    return this.total * this.estimate;
  }

  /** The height to give the scrolled space. */
  get spaceHeight() {
    return Math.min(this.fullHeight, MAX_HEIGHT);
  }

  /** A row's height on average, as far as is known. */
  get estimate() {
    if (this.heights.size < 20) return this.rowHeight;
    let sum = 0;
    for (const height of this.heights.values()) sum += height;
    return sum / this.heights.size;
  }

  get maxScroll() {
    return Math.max(0, Math.ceil(this.spaceHeight - this.viewHeight));
  }

  /** @param {number} row */
  heightOf(row) {
    if (this.heights.size === 0) return this.rowHeight;
    return this.heights.get(this.keyOf(row)) ?? this.rowHeight;
  }

  /**
   * The user has scrolled. Tells whether the view went up.
   * @param {number} scrollTop
   * @returns {"up" | "down" | "none"}
   */
  scrolled(scrollTop) {
    const delta = scrollTop - this.scrollTop;
    if (Math.abs(delta) < 1) return "none";
    this.scrollTop = scrollTop;
    this.isAtEnd = delta > 0 && scrollTop >= this.maxScroll - 2;
    if (scrollTop <= 0) this.goTo(0);
    else if (Math.abs(delta) > JUMP * this.viewHeight) this.#jump(scrollTop);
    else this.#move(delta);
    this.scrollTop = scrollTop;
    return delta < 0 ? "up" : "down";
  }

  /** @param {number} row put this row at the top of the view */
  goTo(row) {
    this.row = Math.max(0, Math.min(row, this.total - 1));
    this.offset = 0;
    this.#settle();
  }

  /** @param {number} row put this row into the middle of the view, unless it is in full view already */
  reveal(row) {
    const above = Math.floor(this.viewHeight / this.rowHeight / 2);
    const last = this.row + Math.floor(this.viewHeight / this.rowHeight) - 2;
    if (row < this.row + 1 || row > last || this.isAtEnd) this.goTo(row - above);
  }

  goToEnd() {
    this.isAtEnd = true;
    this.scrollTop = this.maxScroll;
  }

  /** @param {number} scrollTop */
  #jump(scrollTop) {
    const full = Math.max(0, this.fullHeight - this.viewHeight);
    const place = (scrollTop / Math.max(1, this.maxScroll)) * full;
    this.row = Math.min(Math.floor(place / this.estimate), Math.max(0, this.total - 1));
    this.offset = place - this.row * this.estimate;
  }

  /** @param {number} delta px */
  #move(delta) {
    this.offset += delta;
    while (this.offset < 0 && this.row > 0) {
      this.row -= 1;
      this.offset += this.heightOf(this.row);
    }
    while (this.offset >= this.heightOf(this.row) && this.row < this.total - 1) {
      this.offset -= this.heightOf(this.row);
      this.row += 1;
    }
    if (this.row === 0) this.offset = Math.max(0, this.offset);
  }

  /** Where the scroll bar ought to be for what is in view. */
  get idealScrollTop() {
    if (this.isAtEnd) return this.maxScroll;
    const full = Math.max(1, this.fullHeight - this.viewHeight);
    const place = this.row * this.estimate + this.offset;
    const ideal = Math.round(Math.min(1, place / full) * this.maxScroll);
    // 0 and the very end mean "the first row" and "stuck to the end": they are kept for those.
    if (place < 1) return 0;
    return Math.max(1, Math.min(ideal, this.maxScroll - 3));
  }

  #settle() {
    this.isAtEnd = false;
    this.scrollTop = this.idealScrollTop;
  }

  /**
   * Which rows to draw, some more than are in view.
   * @param {number} extra rows on each side
   * @returns {[number, number]} from, up to (not included)
   */
  range(extra) {
    const fit = Math.ceil(this.viewHeight / this.rowHeight) + 1;
    const from = this.isAtEnd ? this.total - fit - extra : this.row - extra;
    const to = this.isAtEnd ? this.total : this.row + fit + extra;
    return [Math.max(0, from), Math.min(this.total, to)];
  }

  /**
   * How far down to put the drawn rows so that the right one is at the right place.
   * @param {number} from the first drawn row
   * @param {number} to
   * @returns {number} px from the top of the scrolled space
   */
  position(from, to) {
    let before = 0;
    let height = 0;
    for (let row = from; row < to; row += 1) {
      if (row < this.row) before += this.heightOf(row);
      height += this.heightOf(row);
    }
    const pinned = this.scrollTop + this.viewHeight - height;
    if (height < this.viewHeight && from === 0 && to === this.total) return 0;
    if (this.isAtEnd) return pinned;
    const free = this.scrollTop - this.offset - before;
    // Never show emptiness below the last row.
    return to === this.total && height >= this.viewHeight ? Math.max(free, pinned) : free;
  }
}
