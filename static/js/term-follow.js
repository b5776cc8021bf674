// Keeps a terminal at its newest line until a person scrolls up. xterm.js takes a late scroll event of the
// browser (after a reset, or in a flood on a busy machine) for a person's, and would stay where it stands.

const PERSON_MS = 800; // a scroll event so soon after a wheel, key or pointer is a person's

/**
 * @param {any} terminal any: xterm's, opened
 * @param {HTMLElement} screen
 * @returns {{ keep: () => void, restart: () => void }} keep: after something was drawn; restart: after a reset
 */
export function followEnd(terminal, screen) {
  let isFollowing = true;
  let personAt = -Infinity;
  let isHeld = false;
  const isAtEnd = () => terminal.buffer.active.viewportY >= terminal.buffer.active.baseY;
  const keep = () => {
    if (isFollowing && !isAtEnd()) terminal.scrollToBottom();
  };
  const note = () => {
    personAt = performance.now();
  };
  for (const kind of ["wheel", "touchmove", "keydown"]) screen.addEventListener(kind, note, { capture: true, passive: true });
  screen.addEventListener("pointerdown", () => {
    isHeld = true;
  }, true);
  window.addEventListener("pointerup", () => {
    if (isHeld) note();
    isHeld = false;
  });
  screen.querySelector(".xterm-viewport")?.addEventListener("scroll", () => {
    if (isHeld || performance.now() - personAt < PERSON_MS) isFollowing = isAtEnd();
    else keep();
  });
  terminal.onData(() => {
    isFollowing = true;
    keep();
  });
  return {
    keep,
    restart() {
      isFollowing = true;
    },
  };
}
