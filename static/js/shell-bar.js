// What stands around a shared terminal: who has the baton, who watches, what can be pressed now.

/** @typedef {{ status: string, sentence: string, holder: string, holder_id: number | null, asked_by: string, offered_to: string, recording: boolean, viewers: string[] }} State */

/**
 * Which buttons are there for this person.
 * @param {State} state @param {string} name @returns {Record<string, boolean>}
 */
export function acts(state, name) {
  const isLive = state.status !== "closed";
  const isMine = state.holder === name;
  return {
    ask: isLive && !isMine && state.asked_by !== name && state.offered_to !== name,
    accept: isLive && !isMine && state.offered_to === name,
    offer: isLive && isMine && state.viewers.some((viewer) => viewer !== name),
    "let-go": isLive && isMine,
    take: isLive && !isMine && state.holder !== "",
    record: isLive && !state.recording,
    "end-record": isLive && state.recording,
  };
}

/** @param {State} state @param {string} name */
export function holderSentence(state, name) {
  if (state.status === "closed") return "";
  const who = state.holder === "" ? "Nobody types" : state.holder === name ? "You type" : `${state.holder} types`;
  if (state.offered_to) return `${who}; the baton is offered to ${state.offered_to === name ? "you" : state.offered_to}`;
  if (state.asked_by) return `${who}; ${state.asked_by === name ? "you ask" : `${state.asked_by} asks`} for the baton`;
  return who;
}

/** @param {State} state */
export function stateWord(state) {
  return { open: "● open", waiting: `◐ ${state.sentence || "waiting"}`, closed: `○ closed: ${state.sentence}` }[state.status] ?? state.status;
}

/**
 * @param {(name: string) => HTMLElement | null} part
 * @param {HTMLElement} section
 * @param {State} state
 * @param {string} name
 */
export function drawBar(part, section, state, name) {
  setText(part("state"), stateWord(state));
  setText(part("holder"), holderSentence(state, name));
  setText(part("viewers"), state.viewers.length > 1 ? `${state.viewers.length} watch: ${state.viewers.join(", ")}` : "");
  const mark = part("recording");
  if (mark) mark.hidden = !state.recording;
  for (const [act, isThere] of Object.entries(acts(state, name))) {
    const button = /** @type {HTMLElement | null} */ (section.querySelector(`[data-act="${act}"]`));
    if (button) button.hidden = !isThere;
  }
  fillOffer(/** @type {HTMLSelectElement | null} */ (part("offer-to")), state, name);
  section.classList.toggle("is-mine", state.holder === name);
}

/** @param {HTMLElement | null} element @param {string} text */
function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

/** @param {HTMLSelectElement | null} select @param {State} state @param {string} name */
function fillOffer(select, state, name) {
  const others = state.viewers.filter((viewer) => viewer !== name);
  if (!select || others.join("\n") === select.dataset["names"]) return;
  select.dataset["names"] = others.join("\n");
  select.replaceChildren(...others.map((other) => new Option(other, other, false, other === state.asked_by)));
}
