// Plays an asciicast with asciinema-player, which the page has loaded.

/** @param {HTMLElement} element its data-cast is the recording's address */
export function mount(element) {
  const player = /** @type {any} any: comes without types */ (window)["AsciinemaPlayer"];
  if (!player) {
    element.textContent = "The player is not installed; download the asciicast instead.";
    return;
  }
  element.dataset["state"] = "ready";
  const said = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-said-at]")]);
  // Beside a chat the time is the real one; without, long pauses are cut short.
  const pauses = said.length > 0 ? {} : { idleTimeLimit: 3 };
  const playing = player.create(element.dataset["cast"], element, { fit: "width", terminalFontSize: "13px", ...pauses });
  if (said.length > 0) showChat(said, playing);
}

const LOOK_MS = 500;

/**
 * Mark what has been said so far; a press on a time plays from there.
 * @param {HTMLElement[]} said
 * @param {any} playing any: comes without types
 */
function showChat(said, playing) {
  for (const one of said) one.querySelector("[data-seek]")?.addEventListener("click", () => playing.seek(Number(one.dataset["saidAt"])));
  window.setInterval(async () => {
    const now = await playing.getCurrentTime();
    for (const one of said) one.classList.toggle("is-said", Number(one.dataset["saidAt"]) <= now);
  }, LOOK_MS);
}
