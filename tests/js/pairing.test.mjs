// Where a follower goes, and what can be quoted: pure parts of follow.js and chat-quote.js.

import assert from "node:assert/strict";
import test from "node:test";

import { quotable } from "../../static/js/chat-quote.js";
import { nextMove } from "../../static/js/follow.js";

const HERE = { path: "/labs/x/runs/1/", search: "", hash: "", line: 5, at_end: false, rung: "", machine: "", terminal: 0 };

const MOVES = [
  ["another page", { path: "/labs/x/", hash: "#people" }, { address: "/labs/x/#people" }],
  ["another rung", { path: "/labs/x/cluster/", search: "?machine=w&rung=cni" }, { address: "/labs/x/cluster/?machine=w&rung=cni" }],
  ["marked lines", { hash: "#L3-4" }, { hash: "#L3-4" }],
  ["another line", { line: 90 }, { line: 90 }],
  ["the end", { line: 90, at_end: true }, { toEnd: true }],
  ["the same", {}, {}],
  ["no log there", { line: 0 }, {}],
  ["out of the lab", { path: "/sign-out" }, {}],
  ["another lab", { path: "/labs/xy/" }, {}],
];
for (const [name, theirs, move] of MOVES) {
  test(`a follower goes along: ${name}`, () => {
    assert.deepEqual(nextMove({ ...HERE, ...theirs }, HERE, "x"), move);
  });
}

test("marked lines are quoted, counted from zero", () => {
  const found = quotable({ path: "/labs/x/runs/2/", search: "", hash: "#L3-4" }, "2");
  assert.deepEqual(found?.fields, { kind: "log", run: "2", first: "2", last: "3" });
});

test("a chosen rung is quoted", () => {
  const found = quotable({ path: "/labs/x/cluster/", search: "?machine=winw1&rung=cni", hash: "" }, "");
  assert.deepEqual(found?.fields, { kind: "rung", machine: "winw1", rung: "cni" });
});

for (const [name, at, run] of [
  ["no mark", { path: "/labs/x/runs/2/", search: "", hash: "" }, "2"],
  ["no run", { path: "/labs/x/", search: "", hash: "#L3" }, ""],
  ["no rung", { path: "/labs/x/cluster/", search: "?machine=winw1", hash: "" }, ""],
]) {
  test(`nothing is to be quoted: ${name}`, () => assert.equal(quotable(at, run), null));
}
