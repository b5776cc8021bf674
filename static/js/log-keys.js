// Which key does what in the viewer; the help dialog in templates/logs/_viewer.html lists the same.

/** @typedef {"find" | "next" | "previous" | "start" | "end" | "follow" | "wrap" | "help" | "down" | "up" | "extend-down" | "extend-up" | "copy" | "full-screen"} Command */

/** @type {Map<string, Command>} */
const COMMANDS = new Map([
  ["/", "find"], ["n", "next"], ["N", "previous"], ["g", "start"], ["G", "end"], ["f", "follow"], ["w", "wrap"], ["?", "help"],
  ["j", "down"], ["k", "up"], ["J", "extend-down"], ["K", "extend-up"], ["y", "copy"], ["F", "full-screen"],
]);
const TYPING = "input, textarea, select, [contenteditable]:not([contenteditable='false']), dialog[open]";

/**
 * @param {{ key: string, ctrlKey: boolean, altKey: boolean, metaKey: boolean, isComposing?: boolean }} event
 * @param {{ closest(selector: string): unknown } | null} target
 * @returns {Command | null} null: not the viewer's business, somebody is typing, or a browser's own shortcut
 */
export function commandOf(event, target) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return null;
  if (target?.closest(TYPING)) return null;
  return COMMANDS.get(event.key) ?? null;
}
