// Notes edited together: paragraphs come anew one by one, the one under one's own hands stays as it is.

import { ask, items, post } from "./chat.js";

const LOOK_EVERY_MS = 30_000;

class Notes {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.url = element.dataset["url"] ?? "";
    this.list = /** @type {HTMLElement} */ (element.querySelector("[data-part=list]"));
    this.add = /** @type {HTMLFormElement | null} */ (element.querySelector("[data-part=add]"));
  }

  begin() {
    document.body.addEventListener("notes-changed", () => void this.look());
    window.setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send(/** @type {HTMLFormElement} */ (event.target));
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) /** @type {HTMLElement} */ (event.target).closest("form")?.requestSubmit();
    });
  }

  async look() {
    try {
      this.#show(items(await ask(this.url)));
    } catch {
      // The strip at the top says that the page is not live.
    }
  }

  /** @param {HTMLElement[]} fresh */
  #show(fresh) {
    const known = new Map([...this.list.children].map((one) => [one.id, /** @type {HTMLElement} */ (one)]));
    const rows = fresh.map((one) => this.#chosen(known.get(one.id), one));
    // One that somebody else took out while it is being edited here stays until it is sent.
    const edited = [...known.values()].filter((one) => isEdited(one) && !fresh.some((row) => row.id === one.id));
    const wanted = [...rows, ...edited];
    wanted.forEach((row, index) => {
      if (this.list.children[index] !== row) this.list.insertBefore(row, this.list.children[index] ?? null);
    });
    while (this.list.children.length > wanted.length) this.list.lastElementChild?.remove();
  }

  /** @param {HTMLElement | undefined} shown @param {HTMLElement} fresh @returns {HTMLElement} */
  #chosen(shown, fresh) {
    if (!shown) return fresh;
    if (!isEdited(shown)) return shown.dataset["version"] === fresh.dataset["version"] && shown.textContent === fresh.textContent ? shown : fresh;
    if (shown.dataset["version"] === fresh.dataset["version"]) return shown;
    shown.classList.add("is-stale");
    const by = fresh.querySelector(".note-foot")?.textContent?.split(",")[0]?.trim();
    say(shown, `${by} has changed it meanwhile; saving overwrites that, the history keeps it.`);
    shown.querySelector(".prose")?.replaceWith(/** @type {Element} */ (fresh.querySelector(".prose")));
    return shown;
  }

  /** @param {HTMLFormElement} form */
  async #send(form) {
    try {
      const told = await post(form);
      if (told) document.body.dispatchEvent(new CustomEvent("toast", { detail: { text: told, level: "info" } }));
      const open = form.closest("details");
      if (open) open.open = false;
      if (form === this.add) form.reset();
      say(form, "");
      await this.look();
    } catch (error) {
      say(form, error instanceof Error ? error.message : "Not saved.");
    }
  }
}

/** @param {HTMLElement} row */
function isEdited(row) {
  return row.querySelector("details")?.open === true;
}

/** @param {HTMLElement} place @param {string} text */
function say(place, text) {
  const said = /** @type {HTMLElement | null} */ (place.querySelector("[data-part=said], [data-part=error]"));
  if (!said) return;
  said.textContent = text;
  said.hidden = text === "";
}

/** @param {HTMLElement} element */
export function mount(element) {
  new Notes(element).begin();
}
