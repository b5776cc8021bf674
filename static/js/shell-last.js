// The last command of a terminal with its output, told from what its cells show. No DOM.

const MOST_LINES = 200;
const MOST_CHARACTERS = 8000; // of a quote (webapp/pairing/limits.py)
// Where nothing is known of the prompt: bash's ends in $ or #, PowerShell's in >.
const PROMPT = /^.{0,80}?[$#>]\s/;

/**
 * The newest command that has been carried out, its prompt's line first; "" when none can be told.
 * The line with the cursor tells what the prompt looks like.
 * @param {string[]} lines all lines down to the one with the cursor, wrapped ones joined
 * @returns {string}
 */
export function lastCommand(lines) {
  const here = (lines.at(-1) ?? "").trimEnd();
  const prompt = PROMPT.exec(`${here} `)?.[0].trimEnd() ?? "";
  const before = lines.slice(0, -1);
  // Something still runs: what is shown since its prompt counts.
  const isPrompt = (/** @type {string} */ line) => (prompt ? line.startsWith(prompt) && line.trimEnd() !== prompt : PROMPT.test(line));
  const begin = before.findLastIndex(isPrompt);
  if (begin < 0) return "";
  const shown = (prompt ? before : lines).slice(begin).map((line) => line.trimEnd());
  while (shown.at(-1) === prompt) shown.pop(); // Enter, and nothing else
  const cut = shown.length > MOST_LINES ? [...shown.slice(0, 1), "…", ...shown.slice(1 - MOST_LINES)] : shown;
  const text = cut.join("\n").trimEnd();
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS / 2)}\n…\n${text.slice(3 - MOST_CHARACTERS / 2)}` : text;
}

/**
 * What a terminal shows down to its cursor, a line for each line however often it is wrapped.
 * @param {any} buffer any: xterm's
 * @returns {string[]}
 */
export function linesOf(buffer) {
  /** @type {string[]} */ const lines = [];
  for (let at = 0; at <= buffer.baseY + buffer.cursorY; at += 1) {
    const line = buffer.getLine(at);
    const text = line?.translateToString(false) ?? "";
    if (line?.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
    else lines.push(text);
  }
  return lines;
}
