import assert from "node:assert/strict";
import { test } from "node:test";

import { LogFindings } from "../../static/js/log-findings.js";
import { NotedRows } from "../../static/js/log-noted-rows.js";
import { Outline } from "../../static/js/log-outline.js";

function rowsOf(runs, noted, setUp = () => {}) {
  const outline = new Outline();
  outline.add(0, runs);
  const rows = new NotedRows(outline);
  setUp(rows);
  rows.sync(outline.end);
  rows.note(noted);
  return rows;
}

function shown(rows) {
  const signs = { head: "H", line: "", finding: "F" };
  const items = Array.from({ length: rows.total }, (_, row) => rows.at(row));
  return items.map((item) => `${signs[item.kind]}${item.kind === "head" ? item.step : item.line}`).join(" ");
}

const TWO_STEPS = [[1, 0, ""], [2, 1, "a"], [2, 2, "b"]];

for (const [name, noted, setUp, expected] of [
  ["under its line", [1], undefined, "0 H1 1 F1 2 H2 3 4"],
  ["under each of several", [0, 2, 4], undefined, "0 F0 H1 1 2 F2 H2 3 4 F4"],
  ["not while its step is folded", [1, 3], (rows) => rows.folded.add(1), "0 H1 H2 3 F3 4"],
  ["not while a filter hides its line", [1, 3], (rows) => (rows.filter.machine = "b"), "H2 3 F3 4"],
  ["not before its line is there", [4, 9], undefined, "0 H1 1 2 H2 3 4 F4"],
]) {
  test(`a finding's row stands ${name}`, () => {
    const rows = rowsOf(TWO_STEPS, noted, setUp);
    assert.equal(shown(rows), expected);
    for (let row = 0; row < rows.total; row += 1) {
      const item = rows.at(row);
      if (item.kind === "line") assert.equal(rows.rowOf(item.line), row);
    }
  });
}

test("a block of lines is asked for once it is full, again while it is not", async () => {
  let now = 0;
  const asked = [];
  const ask = async (after, limit) => {
    asked.push([after, limit]);
    return { findings: [], noise: [after + 1], first: after + 1, looked_at: after < 0 ? limit : 10 };
  };
  const findings = new LogFindings(ask, () => {}, () => now);
  const need = async () => {
    findings.need([5, 999, 1000]);
    await new Promise(setImmediate);
  };
  await need();
  await need();
  now = 6_000;
  await need();
  assert.deepEqual(asked, [[-1, 1000], [999, 1000], [999, 1000]]);
  assert.deepEqual([...findings.noise], [0, 1000]);
});

test("findings are told when they change, and only then", async () => {
  let told = 0;
  const finding = { line: 3, machine: "", rule: "r", title: "t", explanation: "", advice: "", link: "" };
  const findings = new LogFindings(async () => ({ findings: [finding], noise: [], first: 0, looked_at: 0 }), () => (told += 1));
  await findings.refresh();
  await findings.refresh();
  assert.equal(told, 1);
  assert.deepEqual(findings.lines, [3]);
});
