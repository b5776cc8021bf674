import assert from "node:assert/strict";
import { test } from "node:test";

import { Hits, cut, isHarmless, marker, pieces } from "../../static/js/log-search.js";

function hitsAt(...lines) {
  const hits = new Hits();
  hits.add(lines, 100);
  return hits;
}

test("next goes to the nearest hit first, then on, then round", () => {
  const hits = hitsAt(10, 20, 30);

  assert.deepEqual([hits.go(1, 15), hits.go(1, 0), hits.go(1, 0), hits.go(-1, 0)], [20, 30, 10, 30]);
});

test("previous begins above", () => {
  assert.equal(hitsAt(10, 20, 30).go(-1, 25), 20);
  assert.equal(hitsAt().go(1, 0), null);
});

test("with no hit from here on, the first way leads to the nearest at all", () => {
  assert.equal(hitsAt(10, 20, 30).go(-1, 5), 10);
  assert.equal(hitsAt(10, 20, 30).go(1, 99), 30);
});

test("pages of hits that overlap count once", () => {
  const hits = hitsAt(1, 5);
  hits.add([5, 9], 200);

  assert.deepEqual(hits.lines, [1, 5, 9]);
  assert.deepEqual([hits.has(5), hits.has(6), hits.searchedTo], [true, false, 200]);
});

for (const [pattern, expected] of [
  ["err(or)?", false], ["kube(let|adm)", true], ["(a+)+$", false], [".*x.*y.*z", false], ["\\d{2,}ms", true],
  ["(.)\\1", false], ["a{1,}b*", true], ["[(]*", true], ["x".repeat(300), false],
]) {
  test(`isHarmless ${pattern.slice(0, 12)}`, () => assert.equal(isHarmless(pattern), expected));
}

for (const [name, query, text, expected] of [
  ["text is no pattern", { text: "a.c", isRegex: false, isCase: false }, "abc A.C", ["A.C"]],
  ["with its case", { text: "A", isRegex: false, isCase: true }, "aA", ["A"]],
  ["pattern", { text: "\\d+ms", isRegex: true, isCase: false }, "5ms 17MS", ["5ms", "17MS"]],
  ["a broken pattern marks nothing", { text: "(", isRegex: true, isCase: false }, "(", []],
  ["empty hits are none", { text: "x*", isRegex: true, isCase: false }, "aab", []],
]) {
  test(`marks ${name}`, () => {
    const found = pieces(text, marker(query)).map(({ from, to }) => text.slice(from, to));
    assert.deepEqual(found, expected);
  });
}

test("hits cut across spans", () => {
  const spans = [{ text: "abc", classes: "ansi-bold" }, { text: "def", classes: "" }];

  const parts = cut(spans, [{ from: 2, to: 4 }, { from: 4, to: 5 }]);

  assert.deepEqual(parts.map(({ text, isHit }) => [text, isHit]), [["ab", false], ["c", true], ["d", true], ["e", true], ["f", false]]);
  assert.equal(parts[1].classes, "ansi-bold");
});
