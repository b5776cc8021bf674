import assert from "node:assert/strict";
import { test } from "node:test";

import { Outline, lastAtMost, runsOf } from "../../static/js/log-outline.js";

test("runs of the same step and machine are one", () => {
  const outline = new Outline();

  outline.add(0, [[3, 1, "a"], [2, 1, "a"], [4, 2, "a"]]);

  assert.deepEqual([outline.size, outline.end, outline.endOf(0)], [2, 9, 5]);
  assert.deepEqual([0, 4, 5, 8, 9].map((line) => outline.stepOf(line)), [1, 1, 2, 2, -1]);
});

test("what overlaps is dropped", () => {
  const outline = new Outline();
  outline.add(0, [[10, 1, "a"]]);

  const isTaken = outline.add(5, [[10, 1, "a"], [1, 2, "a"]]);

  assert.deepEqual([isTaken, outline.end, outline.stepOf(14), outline.stepOf(15)], [true, 16, 1, 2]);
});

test("what lies beyond a gap is refused", () => {
  const outline = new Outline();

  assert.equal(outline.add(1, [[1, 1, "a"]]), false);
  assert.equal(outline.end, 0);
});

test("lines become runs", () => {
  const lines = [[0, 1, "a", "output", "x"], [0, 1, "a", "error", "y"], [0, 1, "b", "output", "z"]];

  assert.deepEqual(runsOf(lines), [[2, 1, "a"], [1, 1, "b"]]);
});

test("lastAtMost finds the last item that is not greater", () => {
  assert.deepEqual([-1, 0, 4, 5, 9].map((value) => lastAtMost([0, 5, 5], value)), [-1, 0, 0, 2, 2]);
});
