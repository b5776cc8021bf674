import assert from "node:assert/strict";
import { test } from "node:test";

import { relative, spanText } from "../../static/js/ago.js";
import { essence } from "../../static/js/keep.js";
import { stateOf, titled } from "../../static/js/tab-state.js";

// The same table as in tests/web/test_ui.py: server and browser say the same words.
for (const [seconds, expected] of [
  [0, "just now"], [4.9, "just now"], [42, "42 s ago"], [185, "3 min ago"], [7300, "2 h ago"],
  [86_400 * 3, "3 days ago"], [-7300, "in 2 h"],
]) {
  test(`relative ${seconds}`, () => assert.equal(relative(seconds), expected));
}

test("a span of time has no direction", () => assert.equal(spanText(59.9), "59 s"));

test("tokens and relative times are no news, what they stand beside is", () => {
  const part = (token, time, word) =>
    `<form><input type="hidden" name="csrfmiddlewaretoken" value="${token}"></form><time datetime="a">${time}</time> ${word}`;
  assert.equal(essence(part("abc", "3 min ago", "ready")), essence(part("def", "4 min ago", "ready")));
  assert.notEqual(essence(part("abc", "3 min ago", "ready")), essence(part("abc", "3 min ago", "failed")));
  assert.notEqual(essence('<time datetime="a">1</time>'), essence('<time datetime="b">1</time>'));
});

for (const [className, expected] of [["badge badge-failed", "failed"], ["badge badge-waiting", ""], ["", ""]]) {
  test(`state of ${className || "nothing"}`, () => assert.equal(stateOf(className), expected));
}

test("a title has one shape, the newest", () => {
  assert.equal(titled("lab · SIG-Windows Lab", "failed"), "■ lab · SIG-Windows Lab");
  assert.equal(titled("■ lab · SIG-Windows Lab", "ready"), "● lab · SIG-Windows Lab");
  assert.equal(titled("■ lab · SIG-Windows Lab", ""), "lab · SIG-Windows Lab");
});
