// Which command a terminal showed last.

import assert from "node:assert/strict";
import test from "node:test";

import { lastCommand, linesOf } from "../../static/js/shell-last.js";

const BASH = "vagrant@controlplane:~$";
const CASES = [
  ["bash", [`${BASH} ls`, "a", "b  ", `${BASH} `], `${BASH} ls\na\nb`],
  ["only the newest", [`${BASH} ls`, "a", `${BASH} id`, "uid=0", `${BASH}`], `${BASH} id\nuid=0`],
  ["half a command stands at the prompt", [`${BASH} id`, "uid=0", `${BASH} kube`], `${BASH} id\nuid=0`],
  ["empty prompts are passed over", [`${BASH} id`, "uid=0", BASH, BASH, BASH], `${BASH} id\nuid=0`],
  ["output that looks like another prompt", [`${BASH} cat x`, "$ echo no", "# no", BASH], `${BASH} cat x\n$ echo no\n# no`],
  ["PowerShell", ["PS C:\\Users\\vagrant> Get-Node", "winw1", "PS C:\\Users\\vagrant> "], "PS C:\\Users\\vagrant> Get-Node\nwinw1"],
  ["it still runs", [`${BASH} kubectl get -w`, "one", "two"], `${BASH} kubectl get -w\none\ntwo`],
  ["nothing was run", [BASH], ""],
  ["nothing is shown", [], ""],
];
for (const [name, lines, wanted] of CASES) {
  test(`the last command: ${name}`, () => assert.equal(lastCommand(lines), wanted));
}

test("a long output is cut in its middle", () => {
  const found = lastCommand([`${BASH} seq`, ...Array.from({ length: 900 }, (_, n) => String(n)), BASH]).split("\n");
  assert.deepEqual([found.length, found[0], found[1], found.at(-1)], [201, `${BASH} seq`, "…", "899"]);
});

test("wrapped lines are one", () => {
  const rows = [["ab", false], ["cd", true], ["$ ", false], ["below the cursor", false]];
  const getLine = (at) => ({ isWrapped: rows[at][1], translateToString: () => rows[at][0] });
  assert.deepEqual(linesOf({ baseY: 1, cursorY: 1, getLine }), ["abcd", "$ "]);
});
