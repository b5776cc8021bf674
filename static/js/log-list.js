// The list of rows: what is in view, how it is drawn, folded and filtered, and whether it follows the end.

import { LogWindow } from "./log-window.js";
import { Painter } from "./log-paint.js";
import { findingElement, headElement, lineElement, updateHead } from "./log-row-dom.js";
import { NotedRows } from "./log-noted-rows.js";

/** @typedef {import("./log-rows.js").HeadRow} HeadRow */
/** @typedef {import("./log-rows.js").LineRow} LineRow */
/**
 * @typedef {object} Looks what of a row's look is decided elsewhere
 * @property {() => import("./log-time.js").Stamps} stamps
 * @property {() => RegExp | null} marker
 * @property {(line: number) => boolean} isHit
 * @property {(line: number) => boolean} isCurrent
 * @property {(line: number) => boolean} isMarked
 * @property {(line: number) => boolean} isNoise
 * @property {(line: number) => import("./log-findings.js").Finding[]} findings
 * @property {(lines: Iterable<number>) => void} onLines these lines are in view
 */

const ROW_HEIGHT = 20; // px; the same as --log-row in log.css

export class LogList {
  /**
   * @param {{ scroll: HTMLElement, space: HTMLElement, rows: HTMLElement, here: HTMLElement }} parts
   * @param {import("./log-data.js").LogData} data
   * @param {number} startMs
   * @param {Looks} looks
   * @param {() => void} onChange it follows or no longer does, a filter is on or off
   */
  constructor(parts, data, startMs, looks, onChange) {
    this.parts = parts;
    this.data = data;
    this.startMs = startMs;
    this.looks = looks;
    this.onChange = onChange;
    this.isFollowing = true;
    this.generation = 0; // part of each row's version: grows when all must be drawn anew
    /** @type {Map<number, import("./log-steps.js").Step>} */ this.steps = new Map();
    /** @type {Set<number>} lines shown in full length */ this.whole = new Set();
    this.rows = new NotedRows(data.outline);
    this.view = new LogWindow(ROW_HEIGHT);
    this.view.keyOf = (row) => this.rows.at(row)?.key ?? "";
    this.painter = new Painter(parts, this.view, (row) => this.#drawing(row), {
      onScroll: (direction) => this.#scrolled(direction),
      onPaint: (from, to) => this.#painted(from, to),
    });
  }

  // -- drawing --------------------------------------------------------------------------------------

  /** @param {number} row @returns {import("./log-paint.js").Drawing} */
  #drawing(row) {
    const item = this.rows.at(row);
    if (item?.kind === "finding") return this.#findingDrawing(item);
    return item?.kind === "head" ? this.#headDrawing(item) : this.#lineDrawing(/** @type {LineRow} */ (item));
  }

  /** @param {HeadRow} item */
  #headDrawing({ step, isReturn, key }) {
    const look = { isFolded: this.rows.folded.has(step), lineCount: this.rows.shownLines.get(step) ?? 0, isReturn };
    const known = this.steps.get(step);
    return {
      key, version: JSON.stringify([look, known]),
      build: () => headElement(step, known, look),
      update: (/** @type {HTMLElement} */ element) => updateHead(element, step, known, look),
    };
  }

  /** @param {import("./log-noted-rows.js").FindingRow} item */
  #findingDrawing({ line, key }) {
    const findings = this.looks.findings(line);
    return { key, version: JSON.stringify(findings), build: () => findingElement(findings) };
  }

  /** Name the step of the first line in view while its heading is out of view above. */
  #drawHere() {
    const item = this.rows.at(this.view.isAtEnd ? this.view.range(0)[0] : this.view.row);
    const isNamed = item?.kind === "line" && item.step > 0;
    this.parts.here.hidden = !isNamed;
    if (!isNamed) return;
    const { version, build } = this.#headDrawing({ ...item, kind: "head", isReturn: false });
    if (this.parts.here.dataset["version"] === `${item.step} ${version}`) return;
    this.parts.here.dataset["version"] = `${item.step} ${version}`;
    this.parts.here.replaceChildren(build());
  }

  /** @param {LineRow} item */
  #lineDrawing({ line: number, step, isReturn, key }) {
    const { looks } = this;
    const line = this.data.lines.get(number);
    const flags = {
      isHit: looks.isHit(number), isCurrent: looks.isCurrent(number), isMarked: looks.isMarked(number),
      isNoise: looks.isNoise(number), isWhole: this.whole.has(number), isReturn,
    };
    const version = [this.generation, line !== undefined, ...Object.values(flags)].join(" ");
    const build = () => lineElement(number, line, {
      ...flags, startMs: this.startMs, stamps: looks.stamps(), marker: looks.marker(),
      stepTitle: this.titleOf(line?.[1] ?? step),
    });
    return { key, version, build };
  }

  /** @param {number} number @returns {string} "winw1 · Join the cluster", "" for what is no step */
  titleOf(number) {
    const step = this.steps.get(number);
    return step ? [step.machine, step.title].filter(Boolean).join(" · ") : "";
  }

  /** @param {number} from @param {number} to */
  #painted(from, to) {
    this.data.pages.need(this.#lineNumbers(from, to));
    this.looks.onLines(this.#lineNumbers(from, to));
    this.#drawHere();
  }

  /** @param {number} from @param {number} to */
  *#lineNumbers(from, to) {
    for (let row = from; row < to; row += 1) {
      const item = this.rows.at(row);
      if (item?.kind === "line") yield item.line;
    }
  }

  /** @param {number[]} lines those with a finding, ascending */
  note(lines) {
    const row = this.view.isAtEnd ? null : this.rows.at(this.view.row);
    this.rows.note(lines);
    this.view.total = this.rows.total;
    if (row !== null) this.view.row = this.#rowLike(row);
    this.redraw();
  }

  redraw() {
    this.generation += 1;
    this.painter.ask();
  }

  /** @param {Map<number, import("./log-steps.js").Step>} steps */
  setSteps(steps) {
    this.steps = steps;
    this.painter.ask();
  }

  // -- growing ----------------------------------------------------------------------------------------

  /** Take in what has come; what is in view stays where it is. */
  grew() {
    const row = this.view.isAtEnd ? null : this.rows.at(this.view.row);
    this.rows.sync(this.data.count);
    this.view.total = this.rows.total;
    if (row !== null && this.rows.at(this.view.row)?.key !== row.key) this.view.row = this.#rowLike(row);
    this.painter.ask();
  }

  /** @param {HeadRow | LineRow} old @returns {number} where it is now */
  #rowLike(old) {
    const row = this.rows.rowOf(old.line);
    return old.kind === "head" && this.rows.at(row - 1)?.key === old.key ? row - 1 : row;
  }

  // -- moving -----------------------------------------------------------------------------------------

  /** The first line in view. */
  get topLine() {
    const from = this.view.isAtEnd ? this.view.range(0)[0] : this.view.row;
    return this.rows.at(from)?.line ?? 0;
  }

  /** @param {"up" | "down"} direction */
  #scrolled(direction) {
    if (direction === "up") this.isFollowing = false;
    else if (this.view.isAtEnd) this.isFollowing = true;
    this.onChange();
  }

  /** @param {boolean} isOn */
  follow(isOn) {
    this.isFollowing = isOn;
    if (isOn) this.view.goToEnd();
    else if (this.view.isAtEnd) this.view.goTo(Math.max(0, this.view.total - Math.floor(this.view.viewHeight / ROW_HEIGHT)));
    this.#moved();
  }

  /** @param {number} row put it at the top */
  goToRow(row) {
    this.isFollowing = false;
    this.view.goTo(row);
    this.#moved();
  }

  /** @param {number} line bring it into view; unfold its step and lift the filters if they hide it */
  goToLine(line) {
    const step = this.data.outline.stepOf(line);
    if (this.rows.folded.delete(step)) this.#rebuild();
    if (!this.rows.shows(line)) this.setFilter({ machine: null, step: null });
    this.isFollowing = false;
    this.view.reveal(this.rows.rowOf(line));
    this.#moved();
  }

  /** @param {number} step @param {number | null} firstLine as the list of steps knows it */
  goToStep(step, firstLine) {
    const line = this.rows.firstLineOf(step) ?? firstLine;
    if (line === null) return;
    if (!this.rows.passes(step)) this.setFilter({ machine: null, step: null });
    const row = this.rows.rowOf(line);
    this.goToRow(this.rows.at(row - 1)?.kind === "head" ? row - 1 : row);
  }

  #moved() {
    this.onChange();
    this.painter.moved();
  }

  // -- filtering, folding ------------------------------------------------------------------------------

  /** @param {Partial<{ machine: string | null, step: number | null }>} filter */
  setFilter(filter) {
    Object.assign(this.rows.filter, filter);
    this.#rebuild();
  }

  #rebuild() {
    const line = this.topLine;
    this.rows.rebuild();
    this.view.total = this.rows.total;
    this.view.heights.clear();
    if (this.isFollowing) this.view.goToEnd();
    else this.view.goTo(this.rows.rowOf(line));
    this.#moved();
  }

  /** @param {number} step */
  toggleFold(step) {
    const before = this.view.isAtEnd ? null : this.view.row;
    if (!this.rows.folded.delete(step)) this.rows.folded.add(step);
    this.#rebuild();
    // The heading that was pressed stays under the pointer, or comes to the top when it was above.
    const head = this.rows.rowOf(this.rows.firstLineOf(step) ?? 0) - (this.rows.folded.has(step) ? 0 : 1);
    if (before !== null) this.goToRow(Math.min(before, head));
  }
}
