import assert from "node:assert/strict";
import { test } from "node:test";

import { offsetFor } from "../../static/js/step-scroll.js";

const list = { top: 100, height: 300, content: 1200 };

test("a step that is in view moves nothing", () => {
  assert.equal(offsetFor(list, { top: 350, height: 40 }), 0);
});

test("a step below stands a third under the list's top", () => {
  assert.equal(offsetFor(list, { top: 700, height: 40 }), 500);
});

test("the last step scrolls to the list's end, not beyond", () => {
  assert.equal(offsetFor(list, { top: 1290, height: 10 }), 900);
});

test("a list that fits is left alone", () => {
  assert.equal(offsetFor({ ...list, content: 250 }, { top: 340, height: 40 }), 0);
});
