// ANSI colours of one line → spans with class names; nothing here touches the DOM, and no colour
// becomes a style attribute (the content security policy forbids those). A line starts without any
// colour: lines of several machines are interleaved, so a colour never runs on into the next line.

/** @typedef {{ text: string, classes: string }} Span */
/** @typedef {{ fg: string, bg: string, flags: Set<string> }} Look */

const ESCAPE = "\u001b";
const SEQUENCE = /\u001b(?:\[([0-?]*)([ -/]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_]?)/g;
const FLAGS = new Map([[1, "bold"], [2, "dim"], [3, "italic"], [4, "underline"], [7, "inverse"], [9, "strike"]]);
const UNFLAGS = new Map([[22, ["bold", "dim"]], [23, ["italic"]], [24, ["underline"]], [27, ["inverse"]], [29, ["strike"]]]);
// xterm's 16 colours, to find the nearest one for 256-colour and true-colour codes.
const PALETTE = [
  [0, 0, 0], [205, 0, 0], [0, 205, 0], [205, 205, 0], [0, 0, 238], [205, 0, 205], [0, 205, 205], [229, 229, 229],
  [127, 127, 127], [255, 0, 0], [0, 255, 0], [255, 255, 0], [92, 92, 255], [255, 0, 255], [0, 255, 255], [255, 255, 255],
];
const CUBE = [0, 95, 135, 175, 215, 255];

/**
 * Split a line into spans of one look each; escape sequences are taken out.
 * @param {string} text
 * @returns {Span[]}
 */
export function parse(text) {
  if (!text.includes(ESCAPE)) return text === "" ? [] : [{ text, classes: "" }];
  const look = blank();
  /** @type {Span[]} */
  const spans = [];
  let from = 0;
  for (const match of text.matchAll(SEQUENCE)) {
    push(spans, text.slice(from, match.index), look);
    from = match.index + match[0].length;
    if (match[3] === "m" && /^[0-9;:]*$/.test(match[1] ?? "")) apply(look, codes(match[1] ?? ""));
  }
  push(spans, text.slice(from), look);
  return spans;
}

/**
 * The text without its escape sequences.
 * @param {string} text
 */
export function plain(text) {
  return text.includes(ESCAPE) ? text.replace(SEQUENCE, "") : text;
}

/** @returns {Look} */
function blank() {
  return { fg: "", bg: "", flags: new Set() };
}

/** @param {Span[]} spans @param {string} text @param {Look} look */
function push(spans, text, look) {
  if (text === "") return;
  const classes = classesOf(look);
  const last = spans.at(-1);
  if (last?.classes === classes) last.text += text;
  else spans.push({ text, classes });
}

/** @param {Look} look */
function classesOf(look) {
  const names = [...look.flags].map((flag) => `ansi-${flag}`);
  if (look.fg) names.push(`ansi-fg-${look.fg}`);
  if (look.bg) names.push(`ansi-bg-${look.bg}`);
  return names.join(" ");
}

/** @param {string} parameters @returns {number[]} */
function codes(parameters) {
  return parameters.split(/[;:]/, 64).map((part) => Math.min(Number(part), 65535));
}

/** @param {Look} look @param {number[]} list */
function apply(look, list) {
  for (let at = 0; at < list.length; at += 1) {
    const code = /** @type {number} */ (list[at]);
    if (code === 38 || code === 48) {
      const [colour, used] = extended(list.slice(at + 1, at + 5));
      if (colour !== null) look[code === 38 ? "fg" : "bg"] = String(colour);
      at += used;
    } else applyOne(look, code);
  }
}

/** @param {Look} look @param {number} code */
function applyOne(look, code) {
  if (code === 0) Object.assign(look, blank());
  else if (FLAGS.has(code)) look.flags.add(/** @type {string} */ (FLAGS.get(code)));
  else if (UNFLAGS.has(code)) UNFLAGS.get(code)?.forEach((flag) => look.flags.delete(flag));
  else if (code === 39) look.fg = "";
  else if (code === 49) look.bg = "";
  else if (code >= 30 && code <= 37) look.fg = String(code - 30);
  else if (code >= 40 && code <= 47) look.bg = String(code - 40);
  else if (code >= 90 && code <= 97) look.fg = String(code - 82);
  else if (code >= 100 && code <= 107) look.bg = String(code - 92);
}

/**
 * Read what follows 38 or 48: `5;N` or `2;R;G;B`.
 * @param {number[]} rest
 * @returns {[number | null, number]} the nearest of the 16 colours, and how many codes were used
 */
function extended(rest) {
  const [kind, first = 0, green = 0, blue = 0] = rest;
  if (kind === 5) return [nearest(indexed(Math.min(first, 255))), 2];
  if (kind === 2) return [nearest([first, green, blue]), 4];
  return [null, rest.length];
}

/** @param {number} index @returns {number[]} */
function indexed(index) {
  if (index < 16) return /** @type {number[]} */ (PALETTE[index]);
  if (index >= 232) return Array(3).fill(8 + 10 * (index - 232));
  const at = index - 16;
  return [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map((part) => /** @type {number} */ (CUBE[part]));
}

/** @param {number[]} rgb */
function nearest(rgb) {
  const distances = PALETTE.map((colour) =>
    colour.reduce((sum, part, at) => sum + (part - (rgb[at] ?? 0)) ** 2, 0),
  );
  return distances.indexOf(Math.min(...distances));
}
