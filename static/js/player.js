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
  const playing = player.create(element.dataset["cast"], element, { fit: "width", preload: true, terminalFontSize: "13px", ...pauses });
  if (said.length > 0) showChat(said, playing);
}

const LOOK_MS = 250;
const MOST_TRIES = 40;
const JUST_SAID_S = 0.05; // a seek may land a little before the time it was given

/**
 * Mark what has been said so far, the newest of it most; a press on a time plays from there.
 * @param {HTMLElement[]} said in the order of their times
 * @param {any} playing any: comes without types
 */
function showChat(said, playing) {
  for (const one of said) {
    const button = /** @type {HTMLButtonElement | null} */ (one.querySelector("[data-seek]"));
    if (!button) continue;
    button.disabled = false; // until here a press would have been lost
    button.addEventListener("click", () => void playFrom(playing, Number(one.dataset["saidAt"])));
  }
  /** @type {HTMLElement | undefined} */ let newest;
  window.setInterval(async () => {
    const [at, end] = await Promise.all([playing.getCurrentTime(), playing.getDuration()]);
    // It ends with its last output; what was said after that belongs to the end.
    const now = at + JUST_SAID_S >= (end ?? Infinity) ? Infinity : at + JUST_SAID_S;
    const before = newest;
    newest = undefined;
    for (const one of said) {
      const isSaid = Number(one.dataset["saidAt"]) <= now;
      one.classList.toggle("is-said", isSaid);
      if (isSaid) newest = one;
    }
    if (newest === before) return;
    before?.removeAttribute("aria-current");
    newest?.setAttribute("aria-current", "true");
    newest?.scrollIntoView({ block: "nearest" });
  }, LOOK_MS);
}

/**
 * Go to a time. A player that is loading drops what it is asked: it is asked until it is there.
 * @param {any} playing any: comes without types
 * @param {number} at seconds
 */
async function playFrom(playing, at) {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const end = await playing.getDuration();
    if (end !== undefined) {
      await playing.seek(at);
      if ((await playing.getCurrentTime()) >= Math.min(at, end) - JUST_SAID_S) return;
    }
    await new Promise((resolve) => window.setTimeout(resolve, LOOK_MS));
  }
}
