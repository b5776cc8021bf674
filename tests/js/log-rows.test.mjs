import assert from "node:assert/strict";
import { test } from "node:test";

import { Outline } from "../../static/js/log-outline.js";
import { Rows, WORTH_A_HEADING } from "../../static/js/log-rows.js";

const LONG = WORTH_A_HEADING;

function rowsOf(runs, setUp = () => {}) {
  const outline = new Outline();
  outline.add(0, runs);
  const rows = new Rows(outline);
  setUp(rows);
  rows.sync(outline.end);
  return rows;
}

/** "H1 0 1 ↳2": headings by step, lines by number. */
function shown(rows) {
  const items = Array.from({ length: rows.total }, (_, row) => rows.at(row));
  return items.map((item) => (item.kind === "head" ? `H${item.step}` : `${item.isReturn ? "↳" : ""}${item.line}`)).join(" ");
}

const alternating = [[1, 1, "a"], [1, 2, "b"], [1, 1, "a"], [1, 2, "b"]];

for (const [name, runs, setUp, expected] of [
  ["a heading where a step begins", [[1, 0, ""], [2, 1, "a"], [1, 2, "b"]], undefined, "0 H1 1 2 H2 3"],
  ["no heading, but a mark, where one comes back shortly", alternating, undefined, "H1 0 H2 1 ↳2 ↳3"],
  ["a fold leaves the heading", [[2, 1, "a"], [1, 2, "b"]], (rows) => rows.folded.add(1), "H1 H2 2"],
  ["a fold takes all of the step away", alternating, (rows) => rows.folded.add(2), "H1 0 H2 ↳2"],
  ["a machine filter", alternating, (rows) => (rows.filter.machine = "b"), "H2 1 3"],
  ["a step filter", alternating, (rows) => (rows.filter.step = 1), "H1 0 2"],
  ["the lab's own lines", [[1, 0, ""], [1, 1, "a"]], (rows) => (rows.filter.machine = ""), "0"],
  ["nothing", [], undefined, ""],
]) {
  test(`shows ${name}`, () => {
    const rows = rowsOf(runs, setUp);
    rows.rebuild();
    assert.equal(shown(rows), expected);
  });
}

test("a step that comes back for long has a heading again", () => {
  const rows = rowsOf([[1, 1, "a"], [1, 2, "b"], [LONG, 1, "a"]]);

  assert.equal(rows.at(4).kind, "head");
  assert.deepEqual([rows.at(4).step, rows.at(4).isReturn, rows.total], [1, true, 2 + 2 + 1 + LONG]);
});

test("lines beyond the outline are shown as they are, and not while a filter is on", () => {
  const rows = rowsOf([[2, 1, "a"]]);
  rows.sync(1_000_000);

  assert.equal(rows.total, 1_000_001);
  assert.equal(rows.at(1_000_000).line, 999_999);
  rows.filter.step = 1;
  assert.equal((rows.rebuild(), rows.total), 3);
});

test("growing piece by piece gives the same rows as all at once", () => {
  const runs = [];
  for (let at = 0; at < 400; at += 1) runs.push([(at * 7) % 13 + 1, (at * 5) % 4, "abc"[at % 3]]);
  const whole = rowsOf(runs, (rows) => rows.folded.add(2));
  const outline = new Outline();
  const rows = new Rows(outline);
  rows.folded.add(2);

  for (const [count, step, machine] of runs) {
    for (let line = 0; line < count; line += 1) {
      outline.add(outline.end, [[1, step, machine]]);
      rows.sync(outline.end);
    }
  }

  assert.equal(shown(rows), shown(whole));
});

test("rowOf and at agree for every line that is shown", () => {
  const rows = rowsOf([[5, 0, ""], [9, 1, "a"], [2, 2, "b"], [20, 1, "a"], [3, 3, "b"]], (rows) => rows.folded.add(2));
  rows.sync(60);

  for (let row = 0; row < rows.total; row += 1) {
    const item = rows.at(row);
    if (item.kind === "line") assert.equal(rows.rowOf(item.line), row);
  }
  assert.equal(rows.shows(14), false);
  assert.equal(rows.at(rows.rowOf(14)).kind, "head");
});

test("a million lines of two hundred thousand runs are built and looked up in a moment", () => {
  const runs = Array.from({ length: 200_000 }, (_, at) => [5, at % 7, `m${at % 3}`]);
  const started = performance.now();

  const rows = rowsOf(runs);
  for (let line = 0; line < 1_000_000; line += 997) assert.equal(rows.at(rows.rowOf(line)).line, line);

  assert.ok(performance.now() - started < 2_000);
});

test("until it is synced, growth of the outline changes no row", () => {
  const outline = new Outline();
  const rows = new Rows(outline);
  rows.sync(100);
  const before = rows.at(50);

  outline.add(0, [[10, 1, "a"], [90, 2, "b"]]);

  assert.deepEqual(rows.at(50), before);
  rows.sync(100);
  assert.equal(rows.at(rows.rowOf(50)).line, 50);
});
