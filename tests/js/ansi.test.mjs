import assert from "node:assert/strict";
import { test } from "node:test";

import { parse, plain } from "../../static/js/ansi.js";

const E = "\u001b";

test("a line without colours is one span", () => {
  assert.deepEqual(parse("Downloading …"), [{ text: "Downloading …", classes: "" }]);
});

test("colours and flags become classes and end with a reset", () => {
  assert.deepEqual(parse(`${E}[1;32mok${E}[0m done`), [
    { text: "ok", classes: "ansi-bold ansi-fg-2" },
    { text: " done", classes: "" },
  ]);
});

for (const [name, codes, classes] of [
  ["bright", "91", "ansi-fg-9"],
  ["background", "44", "ansi-bg-4"],
  ["256 colours, one of the 16", "38;5;9", "ansi-fg-9"],
  ["256 colours, cube", "38;5;196", "ansi-fg-9"],
  ["256 colours, grey", "38;5;243", "ansi-fg-8"],
  ["true colour", "38;2;0;200;10", "ansi-fg-2"],
  ["colons", "38:5:9", "ansi-fg-9"],
  ["a code after an extended one", "38;5;9;1", "ansi-bold ansi-fg-9"],
  ["an unknown code", "77", ""],
]) {
  test(`${name}: ${codes}`, () => assert.deepEqual(parse(`${E}[${codes}mx`), [{ text: "x", classes }]));
}

test("other sequences vanish, and so does a lone escape", () => {
  assert.equal(plain(`a${E}[2Kb${E}]0;title\u0007c${E}[?25hd${E}`), "abcd");
  assert.equal(parse(`a${E}[2Kb${E}`).map((span) => span.text).join(""), "ab");
});

test("hostile parameters neither crash nor leak into a class", () => {
  for (const codes of ["9".repeat(400), ";".repeat(5000), "38;5;999999", "38;2;1e9;;", "38", "48;2", "\"><b>"]) {
    for (const { classes } of parse(`${E}[${codes}mx`)) assert.match(classes, /^[a-z0-9 -]*$/);
  }
});

test("ten thousand sequences in a line are parsed in a moment", () => {
  const started = performance.now();

  const spans = parse(`${E}[31mx${E}[0my`.repeat(10_000));

  assert.equal(spans.length, 20_000);
  assert.ok(performance.now() - started < 2_000);
});
