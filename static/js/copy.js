/** Copy buttons: `<button data-copy="text">` anywhere below the mounted element. */

const SHOWN_MS = 1500;

/**
 * @param {HTMLButtonElement} button
 * @param {string} word
 */
function say(button, word) {
  const before = button.dataset.word ?? button.textContent ?? "";
  button.dataset.word = before;
  button.textContent = word;
  setTimeout(() => {
    button.textContent = before;
  }, SHOWN_MS);
}

/**
 * Put text on the clipboard; also where the page is plain HTTP and has no clipboard API.
 * @param {string} text
 */
export async function copyText(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (!copied) throw new Error("the browser refused to copy");
}

/** @param {HTMLElement} root */
export function mount(root) {
  root.addEventListener("click", async (event) => {
    const target = /** @type {Element} */ (event.target);
    const button = /** @type {HTMLButtonElement | null} */ (target.closest("button[data-copy]"));
    if (!button) return;
    try {
      await copyText(button.dataset.copy ?? "");
      say(button, "copied");
    } catch {
      say(button, "select and copy by hand");
    }
  });
}
