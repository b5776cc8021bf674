import assert from "node:assert/strict";
import { test } from "node:test";

import { LogSocket, accept, split } from "../../static/js/log-socket.js";
import { FakeClock } from "./clock.mjs";

const lines = (count) => Array.from({ length: count }, (_, at) => [at, 0, "", "output", `${at}`]);

const joined = (first, count) => ({
  first, marks: [[count, 1, 0, "", "output"]], text: Array.from({ length: count }, (_, at) => `${at}`).join("\n"),
});

/** A socket of which the test plays the server. */
function stage() {
  const sockets = [];
  const timers = [];
  const clock = new FakeClock();
  const heard = { lines: [], counts: [], states: [], complete: "" };
  const edge = {
    connect(url) {
      const socket = { url, isClosed: false, close() { this.isClosed = true; } };
      socket.send = (message) => socket.onmessage({ data: JSON.stringify(message) });
      sockets.push(socket);
      return socket;
    },
    later: (act, ms) => timers.push({ act, ms }),
    cancel: () => {},
    random: () => 1,
    clock,
  };
  const listener = {
    onLines: (first, list) => list.forEach((_, at) => heard.lines.push(first + at)),
    onCount: (count) => heard.counts.push(count),
    onComplete: (status) => (heard.complete = status),
    onState: (state, wait, reason) => heard.states.push(reason ? `${state}: ${reason}` : state),
  };
  const client = new LogSocket("ws://x/ws/logs/1/", listener, edge);
  client.open();
  return { client, clock, sockets, timers, heard, last: () => sockets.at(-1) };
}

for (const [name, cursor, first, expected] of [
  ["the next line", 4, 5, [5, 2, false]],
  ["an overlap", 5, 4, [6, 0, false]],
  ["half an overlap", 4, 4, [5, 1, false]],
  ["a gap", 4, 9, [9, 2, true]],
]) {
  test(`accept: ${name}`, () => {
    const frame = accept(cursor, { first, lines: lines(2) });
    assert.deepEqual([frame.first, frame.lines.length, frame.hasGap], expected);
  });
}

test("a joined frame is split into its lines", () => {
  const marks = [[2, 5, 1, "winw1", "output"], [1, 6, 0, "", "note"]];

  assert.deepEqual(split({ first: 7, marks, text: "a\n\nc" }), {
    first: 7,
    lines: [[5, 1, "winw1", "output", "a"], [5, 1, "winw1", "output", ""], [6, 0, "", "note", "c"]],
  });
});

test("it opens at the tail and comes back after its last line", () => {
  const { sockets, timers, heard, last } = stage();
  last().send({ count: 1_000_000, complete: "" });
  last().send(joined(999_500, 500));
  last().onclose({ code: 1006 });
  timers.at(-1).act();

  assert.equal(sockets[0].url, "ws://x/ws/logs/1/?after=tail&tail=500&form=joined");
  assert.equal(sockets[1].url, "ws://x/ws/logs/1/?after=999999&form=joined");
  assert.deepEqual(heard.states, ["connecting", "live", "waiting", "connecting"]);
});

test("no line is lost or doubled over cuts at any place", () => {
  const { timers, heard, last } = stage();
  last().send({ count: 0, complete: "" });
  for (const [first, count] of [[0, 5], [3, 4], [7, 10], [2, 3], [16, 4]]) {
    last().send(joined(first, count));
    last().onclose({ code: 1011 });
    timers.at(-1).act();
    last().send({ count: 20, complete: "" });
  }

  assert.deepEqual(heard.lines, Array.from({ length: 20 }, (_, at) => at));
});

test("a message of an old socket is not heard", () => {
  const { client, sockets, heard, last } = stage();
  client.restart();
  sockets[0].send(joined(0, 3));
  last().send({ count: 0, complete: "" });

  assert.deepEqual(heard.lines, []);
  assert.equal(sockets[0].isClosed, true);
});

test("far behind, it begins at the tail again", () => {
  const { sockets, timers, last } = stage();
  last().send({ count: 10, complete: "" });
  last().onclose({ code: 1006 });
  timers.at(-1).act();
  last().send({ count: 500_000, complete: "" });

  assert.match(sockets[2].url, /after=tail/);
});

test("the waits double up to eight seconds and begin anew after a success", () => {
  const { timers, last } = stage();
  for (let attempt = 0; attempt < 6; attempt += 1) {
    last().onclose({ code: 1006 });
    timers.at(-1).act();
  }
  last().send({ count: 0, complete: "" });
  last().onclose({ code: 1006 });

  assert.deepEqual(timers.map(({ ms }) => ms), [500, 1000, 2000, 4000, 8000, 8000, 500]);
});

test("a complete log is not connected to again", () => {
  const { heard, sockets, last } = stage();
  last().send({ complete: "succeeded" });
  last().onclose?.({ code: 1000 });

  assert.deepEqual([heard.complete, heard.states.at(-1), sockets.length], ["succeeded", "ended", 1]);
});

test("who may not see it is told so, once", () => {
  const { heard, timers, last } = stage();
  last().onclose({ code: 4403 });

  assert.deepEqual(heard.states.at(-1), "refused: no right to see this log");
  assert.equal(timers.length, 0);
});

test("a connection that died without a word is given up, and nothing is lost", () => {
  const { client, clock, heard, sockets, timers, last } = stage();
  last().send({ count: 0, complete: "" });
  last().send(joined(0, 3));
  clock.pass(24_000);
  last().send({ beat: true });
  clock.pass(24_000);
  assert.equal(heard.states.at(-1), "live");

  clock.pass(10_000);
  assert.equal(heard.states.at(-1), "waiting");
  assert.equal(sockets[0].isClosed, true);
  sockets[0].onclose({ code: 1006 });
  timers.at(-1).act();
  assert.equal(sockets.length, 2);
  assert.match(last().url, /after=2&/);
  client.close();
  assert.equal(clock.running, 0);
});
