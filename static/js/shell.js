// A shared terminal: what the machine shows, typed into by whoever has the baton. See docs/shells.md.

import { drawBar } from "./shell-bar.js";
import { mountFiles } from "./shell-files.js";
import { lastCommand, linesOf } from "./shell-last.js";
import { mountPaste } from "./shell-paste.js";
import { ShellSocket } from "./shell-socket.js";
import { followEnd } from "./term-follow.js";
import { makeTerminal } from "./term.js";

const READER_KEY = "shell-screen-reader";
const SMALLEST = /** @type {[number, number]} */ ([20, 5]);

/** @param {KeyboardEvent} event */
export function isLeaveKey(event) {
  return event.ctrlKey && event.shiftKey && !event.altKey && event.code === "KeyL";
}

/** @param {HTMLElement} section */
export async function mount(section) {
  const part = (/** @type {string} */ name) => /** @type {HTMLElement | null} */ (section.querySelector(`[data-part="${name}"]`));
  const frame = /** @type {HTMLElement} */ (part("frame"));
  const screen = /** @type {HTMLElement} */ (part("screen"));
  const data = section.dataset;
  const say = (/** @type {string} */ text) => {
    const said = part("said");
    if (said) said.textContent = text;
  };
  const { terminal, fit } = await makeTerminal(data["xterm"] ?? "", screen);
  const follow = followEnd(terminal, screen);
  const socket = new ShellSocket(data["socket"] ?? "", () => windowSize(fit), {
    onOutput: (bytes) => new Promise((resolve) => terminal.write(bytes, resolve)).then(follow.keep),
    onMessage: (message) => {
      if (message.snapshot) {
        terminal.reset();
        follow.restart();
      }
      if (message.size) terminal.resize(message.size[0], message.size[1]);
      if (message.state) drawBar(part, section, message.state, data["name"] ?? "");
      if (message.refused) say(message.refused);
      if (message.ask === "cursor") socket.type(cursorReport(terminal));
    },
    onState: (state, reason, waitMs) => showState(part("state"), section, state, reason, waitMs),
  });
  terminal.onData((/** @type {string} */ text) => socket.type(text));
  terminal.onBinary((/** @type {string} */ text) => socket.type(text));
  terminal.attachCustomKeyEventHandler((/** @type {KeyboardEvent} */ event) => {
    if (!isLeaveKey(event)) return true;
    event.preventDefault();
    if (event.type === "keydown") leave(section);
    return false;
  });
  const number = Number(/#(\d+)$/.exec(data["title"] ?? "")?.[1]);
  // Quoted by one press (chat-quote.js): what is marked here is not the document's selection.
  terminal.onSelectionChange(() => {
    document.body.dispatchEvent(new CustomEvent("terminal-marked", { detail: { terminal: number, text: terminal.getSelection() } }));
  });
  part("quote")?.addEventListener("click", () => {
    const text = lastCommand(linesOf(terminal.buffer.active));
    if (!text) return say("No command was found here; mark what is to be quoted.");
    document.body.dispatchEvent(new CustomEvent("terminal-quote", { detail: { terminal: number, text } }));
  });
  terminal.textarea?.setAttribute("aria-label", `Terminal ${data["title"]}: type here, Ctrl Shift L leaves`);
  mountPaste(screen, /** @type {HTMLDialogElement} */ (part("paste")), (text) => terminal.paste(text), say);
  const where = { url: data["files"] ?? "", mib: Number(data["fileMib"]), say };
  mountFiles(frame, /** @type {HTMLInputElement | null} */ (part("file-name")), part("file-out"), where);
  mountReader(part("reader"), terminal);
  followSize(frame, () => socket.say({ size: windowSize(fit) }));
  socket.open();
  window.addEventListener("pagehide", () => socket.close());
  window.addEventListener("pageshow", (event) => event.persisted && socket.open());
}

/** @param {any} fit any: xterm's addon @returns {[number, number]} columns and rows that the frame has room for */
function windowSize(fit) {
  const room = fit.proposeDimensions();
  if (!room || Number.isNaN(room.cols) || Number.isNaN(room.rows)) return SMALLEST;
  return [Math.max(SMALLEST[0], room.cols), Math.max(SMALLEST[1], room.rows)];
}

/** @param {any} terminal any: xterm's */
function cursorReport(terminal) {
  const buffer = terminal.buffer.active;
  return `\x1b[${buffer.cursorY + 1};${buffer.cursorX + 1}R`;
}

/** Put the focus on the first thing to press after the terminal. @param {HTMLElement} section */
function leave(section) {
  const buttons = /** @type {HTMLElement[]} */ ([...section.querySelectorAll(".shell-bar button")]);
  buttons.find((button) => button.offsetParent !== null)?.focus();
}

/**
 * @param {HTMLElement | null} element @param {HTMLElement} section
 * @param {string} state @param {string} reason @param {number} waitMs
 */
function showState(element, section, state, reason, waitMs) {
  section.dataset["connection"] = state;
  if (!element || state === "live") return;
  if (state === "connecting") element.textContent = "◐ connecting";
  if (state === "waiting") element.textContent = `▲ not live, reconnecting in ${Math.ceil(waitMs / 1000)} s`;
  if (state !== "refused") return;
  element.textContent = `■ ${reason}`;
  if (reason.startsWith("sign in")) {
    const link = document.createElement("a");
    link.href = `${section.dataset["signIn"]}?again=1&next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = "sign in";
    element.append(" ", link);
  }
}

/** @param {HTMLElement | null} button @param {any} terminal any: xterm's */
function mountReader(button, terminal) {
  const set = (/** @type {boolean} */ isOn) => {
    terminal.options.screenReaderMode = isOn;
    button?.setAttribute("aria-pressed", String(isOn));
    localStorage.setItem(READER_KEY, isOn ? "1" : "");
  };
  set(localStorage.getItem(READER_KEY) === "1");
  button?.addEventListener("click", () => set(button.getAttribute("aria-pressed") !== "true"));
}

/** @param {HTMLElement} frame @param {() => void} tell */
function followSize(frame, tell) {
  let timer = 0;
  new ResizeObserver(() => {
    window.clearTimeout(timer);
    timer = window.setTimeout(tell, 100);
  }).observe(frame);
}
