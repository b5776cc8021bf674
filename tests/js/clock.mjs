/** Time that passes when the test says so; for static/js/pulse.js. */
export class FakeClock {
  #at = 0;
  #timers = new Map();
  #count = 0;

  now = () => this.#at;

  every = (act, ms) => {
    this.#timers.set(++this.#count, { act, ms, next: this.#at + ms });
    return this.#count;
  };

  cancel = (timer) => this.#timers.delete(timer);

  get running() {
    return this.#timers.size;
  }

  pass(ms) {
    const end = this.#at + ms;
    for (; this.#at < end; this.#at += 1000) {
      for (const timer of [...this.#timers.values()]) {
        if (timer.next > this.#at) continue;
        timer.next += timer.ms;
        timer.act();
      }
    }
  }
}
