import assert from "node:assert/strict";
import { test } from "node:test";

import { LogWindow, MAX_HEIGHT } from "../../static/js/log-window.js";

function windowOf(total, { rowHeight = 20, viewHeight = 600 } = {}) {
  const view = new LogWindow(rowHeight);
  Object.assign(view, { total, viewHeight });
  view.goToEnd();
  return view;
}

test("a small log is not scaled: a pixel is a pixel", () => {
  const view = windowOf(1_000);
  view.goTo(0);

  view.scrolled(130);

  assert.deepEqual([view.spaceHeight, view.row, view.offset], [20_000, 6, 10]);
});

test("a huge log keeps below the browser's limit", () => {
  assert.equal(windowOf(5_000_000).spaceHeight, MAX_HEIGHT);
});

test("a small movement in a huge log is taken as it is", () => {
  const view = windowOf(5_000_000);
  view.goTo(2_500_000);

  view.scrolled(view.scrollTop + 60);

  assert.deepEqual([view.row, view.offset], [2_500_003, 0]);
});

test("dragging the bar goes to a place in the whole", () => {
  const view = windowOf(5_000_000);

  view.scrolled(MAX_HEIGHT / 2);

  assert.ok(Math.abs(view.row - 2_500_000) < 300, String(view.row));
});

test("the top of the bar is the first row, its end sticks to the last", () => {
  const view = windowOf(5_000_000);

  assert.equal(view.scrolled(0), "up");
  assert.deepEqual([view.row, view.isAtEnd], [0, false]);
  assert.equal(view.scrolled(view.maxScroll), "down");
  assert.deepEqual([view.isAtEnd, view.range(0)], [true, [5_000_000 - 31, 5_000_000]]);
});

test("scrolling sideways is no movement", () => {
  const view = windowOf(1_000);

  assert.equal(view.scrolled(view.scrollTop), "none");
  assert.equal(view.isAtEnd, true);
});

test("every row can be reached, and the bar's place leads back to about the same row", () => {
  const view = windowOf(3_000_000);
  for (const row of [0, 1, 77, 1_499_999, 2_999_000]) {
    view.goTo(row);
    assert.equal(view.row, row);
    const place = view.scrollTop;
    view.scrolled(place > MAX_HEIGHT / 2 ? 10 : MAX_HEIGHT - 5_000);
    view.scrolled(place);
    assert.ok(Math.abs(view.row - row) <= 40, `${row} → ${view.row}`);
  }
});

test("a row in view is not moved, another one comes to the middle", () => {
  const view = windowOf(10_000);
  view.goTo(100);

  view.reveal(110);
  assert.equal(view.row, 100);
  view.reveal(5_000);
  assert.equal(view.row, 5_000 - 15);
});

test("rows of other heights are counted as they are", () => {
  const view = windowOf(100);
  view.goTo(0);
  view.heights.set("0", 100);
  view.heights.set("1", 60);

  view.scrolled(120);

  assert.deepEqual([view.row, view.offset], [1, 20]);
  assert.equal(view.position(0, 40), 0);
});

test("the last row ends at the view's end while it sticks there", () => {
  const view = windowOf(1_000);

  const [from, to] = view.range(10);

  assert.deepEqual([from, to], [1_000 - 41, 1_000]);
  assert.equal(view.position(from, to) + (to - from) * 20, view.scrollTop + 600);
});

test("a log shorter than the view begins at its top", () => {
  const view = windowOf(5);

  assert.deepEqual([view.maxScroll, view.position(0, 5), view.range(10)], [0, 0, [0, 5]]);
});
