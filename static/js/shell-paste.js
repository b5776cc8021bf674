// A paste of many lines is shown before it is typed: each line may be a command.

export const MOST_CHARACTERS = 1024 * 1024;
const SHOWN = 2000;

/**
 * What has to be asked before a text is pasted; "" = nothing, null = it is refused.
 * @param {string} text
 */
export function question(text) {
  if (text.length > MOST_CHARACTERS) return null;
  const lines = text.replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n").length;
  if (lines > 1) return `Paste ${lines} lines? Each of them may be carried out at once.`;
  return text.length > 5000 ? `Paste ${text.length} characters?` : "";
}

/**
 * @param {HTMLElement} screen
 * @param {HTMLDialogElement} dialog
 * @param {(text: string) => void} paste
 * @param {(text: string) => void} say
 */
export function mountPaste(screen, dialog, paste, say) {
  const words = /** @type {HTMLElement} */ (dialog.querySelector('[data-part="paste-words"]'));
  const shown = /** @type {HTMLElement} */ (dialog.querySelector('[data-part="paste-text"]'));
  let waiting = "";
  screen.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    const asked = question(text);
    if (asked === "") return; // xterm.js pastes it
    event.preventDefault();
    event.stopImmediatePropagation();
    if (asked === null) {
      say(`${text.length} characters are too many to paste; send a file instead.`);
      return;
    }
    waiting = text;
    words.textContent = asked;
    shown.textContent = text.length > SHOWN ? `${text.slice(0, SHOWN)} …` : text;
    dialog.returnValue = "no";
    dialog.showModal();
  }, true);
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "yes") paste(waiting);
    waiting = "";
  });
}
