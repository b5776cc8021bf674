import assert from "node:assert/strict";
import { test } from "node:test";

import { backoffMs } from "../../static/js/backoff.js";
import { eventName, topicList } from "../../static/js/live.js";
import { commandOf } from "../../static/js/log-keys.js";
import { formatHash, ordered, parseHash } from "../../static/js/log-link.js";
import { LogPages } from "../../static/js/log-pages.js";
import { Lines, PAGE } from "../../static/js/log-lines.js";
import { duration, stamp } from "../../static/js/log-time.js";
import { elapsed } from "../../static/js/ticker.js";

for (const [hash, expected] of [
  ["#L1", { first: 0, last: 0 }], ["#L120-130", { first: 119, last: 129 }], ["#L130-L120", { first: 119, last: 129 }],
  ["#L0", null], ["#L", null], ["#L1-2-3", null], ["#step-3", null], ["", null],
]) {
  test(`parseHash ${hash || "nothing"}`, () => assert.deepEqual(parseHash(hash), expected));
}

test("a link leads back to its range", () => {
  assert.equal(formatHash({ first: 119, last: 119 }), "#L120");
  assert.deepEqual(parseHash(formatHash(ordered(9, 3))), { first: 3, last: 9 });
});

for (const [seconds, expected] of [[0, "0:00"], [42.9, "0:42"], [723, "12:03"], [3723, "1:02:03"], [-5, "0:00"]]) {
  test(`duration ${seconds}`, () => assert.equal(duration(seconds), expected));
}

test("stamps are relative, absolute or none", () => {
  assert.equal(stamp(723_150, 0, "relative"), "+12:03.1");
  assert.equal(stamp(0, 1_500, "relative"), "-0:01.5");
  assert.match(stamp(1_700_000_000_123, 0, "absolute"), /^\d\d:\d\d:\d\d\.123$/);
  assert.equal(stamp(1, 0, "off"), "");
});

const key = (name, more = {}) => ({ key: name, ctrlKey: false, altKey: false, metaKey: false, ...more });
for (const [event, isTyping, expected] of [
  [key("/"), false, "find"], [key("N"), false, "previous"], [key("G"), false, "end"],
  [key("f", { ctrlKey: true }), false, null], [key("n"), true, null], [key("x"), false, null],
]) {
  test(`key ${event.key}${event.ctrlKey ? " with Ctrl" : ""}${isTyping ? " while typing" : ""}`, () => {
    assert.equal(commandOf(event, { closest: () => (isTyping ? {} : null) }), expected);
  });
}

test("waits grow to eight seconds and differ", () => {
  assert.deepEqual([0, 1, 2, 5, 99].map((attempt) => backoffMs(attempt, () => 1)), [500, 1000, 2000, 8000, 8000]);
  assert.equal(backoffMs(0, () => 0), 375);
});

test("nudges become event names, topics a list", () => {
  assert.equal(eventName("run.changed"), "run-changed");
  assert.deepEqual(topicList(" labs, lab-3 labs,"), ["labs", "lab-3"]);
});

test("elapsed counts from an ISO time, and says nothing of rubbish", () => {
  assert.equal(elapsed("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:04:10Z")), "4:10");
  assert.equal(elapsed("soon", 0), "");
});

test("pages in view are fetched once each, a few at a time, and again after a failure", async () => {
  const asked = [];
  const lines = new Lines();
  const answer = (after) => ({ first: after + 1, lines: Array.from({ length: PAGE }, () => [0, 0, "", "output", "x"]), count: 9_999, complete: "" });
  const done = new Promise((resolve) => {
    const fetch = async (after) => (asked.push(after), asked.length === 1 ? Promise.reject(new Error("cut")) : answer(after));
    const pages = new LogPages(lines, fetch, () => lines.get(5) && lines.get(PAGE * 2) && resolve());
    pages.need([5, 6, PAGE * 2]);
  });

  await done;

  assert.deepEqual(asked.sort((left, right) => left - right), [-1, -1, PAGE * 2 - 1]);
});
