// What the viewer says of itself: live or not, how long the log has been quiet, whether it follows.

import { duration, grouped } from "./log-time.js";

const QUIET_FROM_S = 10;
/** @type {Record<string, string>} */
const WORDS = { connecting: "connecting …", live: "live", ended: "complete", refused: "not live" };
/** @type {Record<string, string>} */
const SHAPES = { connecting: "○", live: "●", ended: "✓", refused: "■", waiting: "▲" };

/**
 * @typedef {object} StatusParts
 * @property {HTMLElement} live the badge
 * @property {HTMLElement} liveShape
 * @property {HTMLElement} liveWord
 * @property {HTMLElement} quiet
 * @property {HTMLElement} follow the button
 * @property {HTMLElement} count
 */

export class LogStatus {
  /** @param {StatusParts} parts */
  constructor(parts) {
    this.parts = parts;
    /** @type {import("./log-socket.js").State} */ this.state = "connecting";
    this.retryAt = 0;
    this.reason = "";
    this.grewAt = Date.now();
    this.isFollowing = true;
    this.unseenFrom = 0;
  }

  /** @param {import("./log-socket.js").State} state @param {number} waitMs @param {string} reason */
  connection(state, waitMs, reason) {
    this.state = state;
    this.reason = reason;
    this.retryAt = Date.now() + waitMs;
    this.tick();
  }

  /** Say again what changes with time alone. */
  tick() {
    const { live, liveShape, liveWord, quiet } = this.parts;
    const seconds = Math.max(1, Math.ceil((this.retryAt - Date.now()) / 1000));
    const word = this.state === "waiting" ? `not live, reconnecting in ${seconds} s` : WORDS[this.state];
    setText(liveWord, this.reason ? `${word}: ${this.reason}` : (word ?? ""));
    setText(liveShape, SHAPES[this.state] ?? "");
    live.dataset["state"] = this.state;
    const quietS = this.quietS;
    quiet.hidden = this.state !== "live" || quietS < QUIET_FROM_S;
    if (!quiet.hidden) setText(quiet, `quiet for ${duration(quietS)}`);
  }

  get quietS() {
    return (Date.now() - this.grewAt) / 1000;
  }

  /** @param {number} count @param {boolean} isFollowing @param {boolean} isComplete */
  lines(count, isFollowing, isComplete) {
    if (this.isFollowing && !isFollowing) this.unseenFrom = count;
    this.isFollowing = isFollowing;
    setText(this.parts.count, `${grouped(count)} ${count === 1 ? "line" : "lines"}`);
    const fresh = count - this.unseenFrom;
    const verb = isComplete ? "to the end" : "follow";
    setText(this.parts.follow, fresh > 0 && !isFollowing ? `↓ ${verb} · ${grouped(fresh)} new` : `↓ ${verb}`);
    this.parts.follow.hidden = isFollowing;
  }
}

/** @param {HTMLElement} element @param {string} text */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
