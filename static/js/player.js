// Plays an asciicast with asciinema-player, which the page has loaded.

/** @param {HTMLElement} element its data-cast is the recording's address */
export function mount(element) {
  const player = /** @type {any} any: comes without types */ (window)["AsciinemaPlayer"];
  if (!player) {
    element.textContent = "The player is not installed; download the asciicast instead.";
    return;
  }
  element.dataset["state"] = "ready";
  player.create(element.dataset["cast"], element, { fit: "width", idleTimeLimit: 3, terminalFontSize: "13px" });
}
