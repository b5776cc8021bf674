// The chat: new messages come by themselves, in order, each once; Enter sends. Quotes: chat-quote.js.

const LOOK_EVERY_MS = 30_000;

/**
 * Ask for a fragment, or send a form; an answer that is no success is thrown with its text.
 * @param {string} url @param {RequestInit} [init]
 */
export async function ask(url, init = {}) {
  const answer = await fetch(url, { credentials: "same-origin", ...init });
  const text = await answer.text();
  if (!answer.ok) throw new Error(answer.status < 500 && text.length < 300 && !text.includes("<") ? text : "The server refused; reload the page.");
  return text;
}

/** @param {HTMLFormElement} form */
export function post(form) {
  return ask(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "text/plain" } });
}

/** @param {string} html a fragment of our own server @returns {HTMLElement[]} its list items */
export function items(html) {
  const parsed = new DOMParser().parseFromString(`<ul>${html}</ul>`, "text/html");
  return /** @type {HTMLElement[]} */ ([...parsed.querySelectorAll("body > ul > li")]);
}

class Chat {
  /** @param {HTMLElement} element */
  constructor(element) {
    this.element = element;
    this.url = element.dataset["url"] ?? "";
    this.log = /** @type {HTMLElement} */ (element.querySelector("[data-part=log]"));
    this.form = /** @type {HTMLFormElement | null} */ (element.querySelector("[data-part=form]"));
    this.isAsking = false;
    this.wantsMore = false;
  }

  begin() {
    this.element.dataset["ready"] = "yes";
    this.#toEnd();
    document.body.addEventListener("chat-grew", () => void this.look());
    window.setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.form?.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send();
    });
    this.form?.querySelector("textarea")?.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.form?.requestSubmit();
    });
  }

  get last() {
    return Number(/** @type {HTMLElement | null} */ (this.log.lastElementChild)?.dataset["id"] ?? 0);
  }

  #toEnd() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  /** One question at a time; a nudge meanwhile makes it ask once more. */
  async look() {
    if (this.isAsking) {
      this.wantsMore = true;
      return;
    }
    this.isAsking = true;
    try {
      this.#append(items(await ask(`${this.url}?after=${this.last}`)));
    } catch {
      // The strip at the top says that the page is not live.
    }
    this.isAsking = false;
    if (this.wantsMore) {
      this.wantsMore = false;
      await this.look();
    }
  }

  /** @param {HTMLElement[]} messages */
  #append(messages) {
    const wasAtEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 40;
    this.log.append(...messages.filter((one) => Number(one.dataset["id"]) > this.last));
    if (wasAtEnd) this.#toEnd();
  }

  async #send() {
    const form = /** @type {HTMLFormElement} */ (this.form);
    try {
      await post(form);
      form.reset();
      this.#say("");
      await this.look();
      this.#toEnd();
    } catch (error) {
      this.#say(error instanceof Error ? error.message : "Not sent.");
    }
  }

  /** @param {string} text */
  #say(text) {
    const place = /** @type {HTMLElement | null} */ (this.form?.querySelector("[data-part=error]"));
    if (!place) return;
    place.textContent = text;
    place.hidden = text === "";
  }
}

/** @param {HTMLElement} element */
export function mount(element) {
  new Chat(element).begin();
}
