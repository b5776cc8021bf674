// The log viewer: binds the markup of templates/logs/_viewer.html to data, list, search and marks.
// Data flow: socket or fetch → log-data (lines, outline) → log-list (rows, window, painter). How it is
// built: docs/log-view.md.

import { LogData } from "./log-data.js";
import { Find } from "./log-find.js";
import { LogFindings } from "./log-findings.js";
import { commandOf } from "./log-keys.js";
import { LogList } from "./log-list.js";
import { LogMarks } from "./log-marks.js";
import { LogStatus } from "./log-status.js";
import { readSteps } from "./log-steps.js";
import { load, save } from "./preferences.js";
import { mount as mountTicker } from "./ticker.js";

const CHECK_S = 10; // a quiet log is asked for over HTTP this often: a dead connection says nothing
const SAID_MS = 3_000;

class LogView {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.preferences = load();
    this.checkedAt = Date.now();
    this.data = new LogData(element.dataset, {
      onGrew: () => this.#grew(), onLines: () => (this.status.grewAt = Date.now()), onComplete: () => this.#tell(),
      onState: (state, waitMs, reason) => this.status.connection(state, waitMs, reason),
    });
    this.findings = new LogFindings((after, limit) => this.data.fetch.findings(after, limit), () => this.#noted());
    this.marks = new LogMarks(this.data, () => this.#marksChanged());
    this.status = this.#makeStatus();
    /** @type {LogList} */ this.list = this.#makeList();
    /** @type {Find} */ this.find = this.#makeFind();
    this.#listen();
    this.#begin();
  }

  /** @param {string} name @returns {HTMLElement} */
  part(name) {
    const found = this.element.querySelector(`[data-part="${name}"]`);
    if (!found) throw new Error(`the log viewer's markup has no ${name}`);
    return /** @type {HTMLElement} */ (found);
  }

  #makeStatus() {
    return new LogStatus({
      live: this.part("live"), liveShape: this.part("live-shape"), liveWord: this.part("live-word"),
      quiet: this.part("quiet"), follow: this.part("follow"), count: this.part("count"),
    });
  }

  #makeList() {
    const parts = { scroll: this.part("scroll"), space: this.part("space"), rows: this.part("rows"), here: this.part("here") };
    const looks = {
      stamps: () => this.preferences.stamps,
      marker: () => this.find.marker,
      isHit: (/** @type {number} */ line) => this.find.hits.has(line),
      isCurrent: (/** @type {number} */ line) => this.find.hits.line === line,
      isMarked: (/** @type {number} */ line) => this.marks.has(line),
      isNoise: (/** @type {number} */ line) => this.findings.noise.has(line),
      findings: (/** @type {number} */ line) => this.findings.byLine.get(line) ?? [],
      onLines: (/** @type {Iterable<number>} */ lines) => this.findings.need(lines),
    };
    const startMs = Date.parse(this.element.dataset["started"] ?? "") || 0;
    return new LogList(parts, this.data, startMs, looks, () => this.#tell());
  }

  #makeFind() {
    const parts = {
      input: /** @type {HTMLInputElement} */ (this.part("search")), status: this.part("hits"),
      regex: /** @type {HTMLButtonElement} */ (this.part("regex")),
      matchCase: /** @type {HTMLButtonElement} */ (this.part("case")),
    };
    return new Find(parts, this.data.fetch, {
      count: () => this.data.count,
      topLine: () => this.list.topLine,
      machine: () => this.list.rows.filter.machine,
      passes: (line) => this.list.rows.passes(this.data.outline.stepOf(line)),
      goTo: (line) => this.list.goToLine(line),
      redraw: () => this.list.redraw(),
    });
  }

  #begin() {
    this.part("plain").remove();
    this.part("bar").hidden = this.part("frame").hidden = false;
    this.list.setSteps(readSteps(document));
    this.list.grew();
    this.#showPreferences();
    this.#followHash();
    this.data.begin(this.list.isFollowing);
    void this.findings.refresh();
    this.#tell();
    mountTicker(this.element);
    window.setInterval(() => this.#tick(), 1_000);
  }

  // -- news ---------------------------------------------------------------------------------------

  #grew() {
    this.list.grew();
    this.find.grew();
    this.#tell();
  }

  /** Findings have come: rows of their own, and grey noise. */
  #noted() {
    this.list.note(this.findings.lines);
  }

  #tell() {
    this.status.lines(this.data.count, this.list.isFollowing, this.data.complete !== "");
    const { machine, step } = this.list.rows.filter;
    /** @type {HTMLSelectElement} */ (this.part("machine")).value = machine ?? "*";
    this.part("only").hidden = step === null;
    if (step !== null) this.part("only-word").textContent = this.list.titleOf(step) || `step ${step}`;
  }

  #tick() {
    this.status.tick();
    const isQuiet = this.status.state === "live" && this.status.quietS >= CHECK_S;
    if (!isQuiet || Date.now() - this.checkedAt < CHECK_S * 1000) return;
    this.checkedAt = Date.now();
    void this.data.check();
  }

  // -- links, marks, what is said -------------------------------------------------------------------

  #followHash() {
    const range = this.marks.read();
    if (range) this.list.goToLine(Math.min(range.first, Math.max(0, this.data.count - 1)));
  }

  #marksChanged() {
    this.part("copy").hidden = this.marks.range === null;
    this.list?.redraw();
  }

  /** @param {1 | -1} by @param {boolean} isExtending */
  #step(by, isExtending) {
    this.list.goToLine(this.marks.step(by, isExtending, this.list.topLine));
  }

  /** @param {string} text shown for a moment, and read out */
  #say(text) {
    const said = this.part("said");
    said.textContent = text;
    window.setTimeout(() => said.textContent === text && said.replaceChildren(), SAID_MS);
  }

  /** @param {Partial<{ machine: string | null, step: number | null }>} filter */
  #filter(filter) {
    this.list.setFilter(filter);
    if (this.find.query.text !== "") this.find.restart();
  }

  // -- commands ----------------------------------------------------------------------------------------

  #listen() {
    // Before the page's own keys, some of which are the same.
    document.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    document.addEventListener("click", (event) => this.#clickOnPage(event));
    this.element.addEventListener("click", (event) => this.#click(event));
    this.part("bar").addEventListener("change", (event) => this.#choose(/** @type {HTMLSelectElement} */ (event.target)));
    window.addEventListener("hashchange", () => this.#followHash());
    window.addEventListener("online", () => this.status.state === "waiting" && this.data.socket.restart());
    document.body.addEventListener("htmx:afterSettle", () => this.list.setSteps(readSteps(document)));
    document.body.addEventListener("go-to-line", (event) => this.list.goToLine(/** @type {CustomEvent} */ (event).detail.line));
    document.body.addEventListener("run-changed", () => void this.findings.refresh());
  }

  /** @param {HTMLSelectElement} select */
  #choose(select) {
    if (select === this.part("machine")) this.#filter({ machine: select.value === "*" ? null : select.value });
    if (select !== this.part("stamps")) return;
    this.preferences.stamps = /** @type {import("./log-time.js").Stamps} */ (select.value);
    this.#prefer();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const command = commandOf(event, /** @type {Element | null} */ (event.target));
    if (!command) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.act(command);
  }

  /** @param {string} command a key's command, or a button's data-act */
  act(command) {
    /** @type {Record<string, () => void>} */
    const actions = {
      find: () => this.part("search").focus(),
      next: () => this.find.go(1),
      previous: () => this.find.go(-1),
      start: () => this.list.goToRow(0),
      end: () => this.list.follow(true),
      follow: () => this.list.follow(!this.list.isFollowing),
      wrap: () => this.#wrap(),
      help: () => /** @type {HTMLDialogElement} */ (this.part("help")).showModal(),
      down: () => this.#step(1, false),
      up: () => this.#step(-1, false),
      "extend-down": () => this.#step(1, true),
      "extend-up": () => this.#step(-1, true),
      copy: () => void this.marks.copy().then((text) => this.#say(text)),
      "full-screen": () => void this.#fullScreen(),
      all: () => this.#filter({ step: null }),
    };
    actions[command]?.();
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const target = /** @type {Element} */ (event.target);
    const line = Number(target.closest("[data-line]")?.getAttribute("data-line"));
    const act = target.closest("[data-act]")?.getAttribute("data-act");
    const fold = target.closest("[data-fold]")?.getAttribute("data-fold");
    if (target.closest(".log-number") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.marks.choose(line, event.shiftKey);
    } else if (fold) this.list.toggleFold(Number(fold));
    else if (act === "whole") this.#showWhole(line);
    else if (act) this.act(act);
  }

  /** @param {number} line */
  #showWhole(line) {
    this.list.whole.add(line);
    this.list.painter.ask();
  }

  /** @param {MouseEvent} event a step chosen in the page's list */
  #clickOnPage(event) {
    const target = /** @type {Element} */ (event.target);
    const only = target.closest("[data-step-only]")?.getAttribute("data-step-only");
    if (only) this.#filter({ step: this.list.rows.filter.step === Number(only) ? null : Number(only), machine: null });
    const link = /** @type {HTMLElement | null} */ (target.closest("[data-step-link]"));
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { stepLink, first } = link.dataset;
    this.list.goToStep(Number(stepLink), first ? Number(first) : null);
  }

  // -- preferences --------------------------------------------------------------------------------------

  #wrap() {
    this.preferences.isWrapped = !this.preferences.isWrapped;
    this.#prefer();
  }

  #prefer() {
    save(this.preferences);
    this.#showPreferences();
    this.list.redraw();
  }

  #showPreferences() {
    const { stamps, isWrapped } = this.preferences;
    /** @type {HTMLSelectElement} */ (this.part("stamps")).value = stamps;
    this.part("wrap").setAttribute("aria-pressed", String(isWrapped));
    this.list.painter.setWrapped(isWrapped);
  }

  async #fullScreen() {
    if (document.fullscreenElement) return document.exitFullscreen();
    return this.element.requestFullscreen().catch(() => this.#say("this browser has no full screen"));
  }
}

/** @param {HTMLElement} element */
export function mount(element) {
  return new LogView(element);
}
