import assert from "node:assert/strict";
import { test } from "node:test";

import { Lines, PAGE } from "../../static/js/log-lines.js";

const line = (text) => [0, 0, "", "output", text];
const many = (count, text = "x") => Array.from({ length: count }, () => line(text));

test("lines are found again by their number, across pages", () => {
  const lines = new Lines();

  lines.add(PAGE - 1, [line("a"), line("b")]);

  assert.equal(lines.get(PAGE - 1)[4], "a");
  assert.equal(lines.get(PAGE)[4], "b");
  assert.equal(lines.get(PAGE + 1), undefined);
});

test("a line that is here stays as it is", () => {
  const lines = new Lines();
  lines.add(0, [line("first")]);

  lines.add(0, [line("again")]);

  assert.deepEqual([lines.get(0)[4], lines.size], ["first", 5]);
});

test("the number of pages is bounded, the oldest go first", () => {
  const lines = new Lines({ maxPages: 3 });

  for (let page = 0; page < 5; page += 1) lines.add(page * PAGE, many(1));

  assert.deepEqual([...lines.pages.keys()], [2, 3, 4]);
});

test("the size is bounded, too", () => {
  const lines = new Lines({ maxSize: 10_000 });

  for (let page = 0; page < 20; page += 1) lines.add(page * PAGE, many(1, "x".repeat(2_000)));

  assert.ok(lines.size <= 10_000);
  assert.equal(lines.size, lines.pages.size * 2_000);
});

test("missing names the pages to fetch and keeps the used ones", () => {
  const lines = new Lines({ maxPages: 3 });
  for (const page of [0, 1, 2]) lines.add(page * PAGE, many(PAGE));

  const missing = lines.missing([0, 1, 4 * PAGE, 4 * PAGE + 1, 7 * PAGE]);
  lines.add(8 * PAGE, many(1));

  assert.deepEqual(missing, [4, 7]);
  assert.deepEqual([...lines.pages.keys()], [2, 0, 8]);
});
