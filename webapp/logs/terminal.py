"""What a terminal would show of one line in the end: rewriting applied, colours kept. Pure.

A program that draws a progress bar rewrites its line with CR, `ESC[2K`, `ESC[G` or backspaces; a log
keeps the last state. Of escape sequences (ECMA-48) only SGR, the colours, stay in the text.
"""

import re

# Back to the first column, or the whole line erased: what comes next replaces what was there.
REWRITE = re.compile(r"\r|\x1b\[[01]?G|\x1b\[[12]K|\x1b\[[0-9]{2,}D")
ESCAPE = re.compile(
    r"(?P<sgr>\x1b\[[0-9;:]*m)"
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: cursor, erase, modes
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: titles, links
    r"|\x1b[PX^_][^\x1b]*\x1b\\"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"  # two characters, or a choice of character set
    r"|\x1b"
)
CONTROLS = bytes([*range(0x09), *range(0x0B, 0x20), 0x7F])  # all of C0 but tab and newline, and DEL
CONTROLS_BUT_ESCAPE = CONTROLS.replace(b"\x1b", b"")
SGR_BYTES = re.compile(rb"\x1b\[[0-9;:]*m")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
DROPPED = {number: None for number in CONTROLS if number != 0x1B}


def has_controls(block: bytes) -> bool:
    """Tell whether anything in the block needs `clean`; `translate` is the fastest way to ask."""
    return len(block.translate(None, CONTROLS)) != len(block)


def has_only_colours(block: bytes) -> bool:
    """Tell whether all controls in a block are SGR sequences, which stay."""
    is_clear_otherwise = len(block.translate(None, CONTROLS_BUT_ESCAPE)) == len(block)
    return is_clear_otherwise and len(SGR_BYTES.findall(block)) == block.count(b"\x1b")


def clean(text: str) -> str:
    """Return the last state of one line (no newline in it), without controls but SGR."""
    if CONTROL.search(text) is None:
        return text
    text = last_state(text)
    if "\x1b" in text:
        text = ESCAPE.sub(lambda found: found["sgr"] or "", text)
    if "\b" in text:
        text = apply_backspaces(text)
    return text.translate(DROPPED)


def last_state(text: str) -> str:
    """Return what was written last: a line that was cleared in the end keeps what it said before."""
    states = REWRITE.split(text)
    for state in reversed(states):
        if is_visible(state):
            return state
    return ""


def is_visible(state: str) -> bool:
    return (
        bool(ESCAPE.sub("", state).translate(DROPPED).strip())
        if "\x1b" in state
        else bool(state.strip("\0 \t"))
    )


def apply_backspaces(text: str) -> str:
    """Move back over what was written; what comes next overwrites it."""
    cells: list[str] = []
    column = 0
    for part in re.split(r"(\x08|\x1b\[[0-9;:]*m)", text):
        if part == "\b":
            column = max(0, column - 1)
            continue
        cells[column : column + len(part)] = [part] if part.startswith("\x1b") else part
        column += 1 if part.startswith("\x1b") else len(part)
    return "".join(cells)
