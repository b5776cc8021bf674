"""How values look: states, times, sizes, commits, people. Loaded into every template.

Pure text in, safe HTML out; what a value means is decided in the rooms.
"""

import re
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

# What a value is called elsewhere → the state it is drawn as (look.md has the six).
KINDS = {
    "ready": "ready",
    "succeeded": "ready",
    "ok": "ready",
    "fine": "ready",
    "working": "working",
    "running": "working",
    "waiting": "waiting",
    "pending": "waiting",
    "skipped": "waiting",
    "off": "waiting",
    "attention": "attention",
    "warning": "attention",
    "interrupted": "attention",
    "canceled": "attention",
    "failed": "failed",
    "error": "failed",
    "unknown": "unknown",
}
WORDS = {"succeeded": "done", "pending": "waiting", "skipped": "not run", "ok": "fine"}
MINUTE, HOUR, DAY = 60, 3600, 86400
COMMIT_LENGTH = 8
SGR = re.compile(r"\x1b\[[0-9;:]*m")  # the only escapes that the log store keeps


@register.simple_tag
def badge(kind: str, word: str = "") -> SafeString:
    """Draw a state or a status: shape, colour and word. An unknown kind is drawn as unknown."""
    kind = str(kind)
    return format_html(
        '<span class="badge badge-{}">{}</span>', KINDS.get(kind, "unknown"), word or WORDS.get(kind, kind)
    )


@register.filter
def duration(seconds: float | None) -> str:
    """Write seconds as 0:42, 12:03 or 1:02:03; – for None."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, MINUTE)
    hours, minutes = divmod(minutes, MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def span_text(seconds: float) -> str:
    """Write a span of time as people say it: 12 s, 3 min, 2 h, 5 days."""
    if seconds < MINUTE:
        return f"{int(seconds)} s"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < 2 * DAY:
        return f"{int(seconds // HOUR)} h"
    return f"{int(seconds // DAY)} days"


def relative(value: datetime, now: datetime) -> str:
    """Write a time relative to `now`: "just now", "3 min ago", "in 2 h"."""
    seconds = (now - value).total_seconds()
    if abs(seconds) < 5:
        return "just now"
    return f"{span_text(seconds)} ago" if seconds > 0 else f"in {span_text(-seconds)}"


def exact(value: datetime) -> str:
    return value.astimezone(timezone.get_current_timezone()).strftime("%Y-%m-%d %H:%M:%S %Z")


@register.filter
def ago(value: datetime | None) -> str:
    """Write a time relative to now, the exact one on hover; "never" for None. static/js/ago.js goes on."""
    if value is None:
        return "never"
    text = relative(value, timezone.now())
    return format_html(
        '<time datetime="{}" title="{}" data-reads="ago">{}</time>', value.isoformat(), exact(value), text
    )


@register.filter
def since(value: datetime | None) -> str:
    """Write how long something lasts: "2 h", the beginning on hover."""
    if value is None:
        return "–"
    text = span_text(max(0.0, (timezone.now() - value).total_seconds()))
    return format_html(
        '<time datetime="{}" title="since {}" data-reads="since">{}</time>',
        value.isoformat(),
        exact(value),
        text,
    )


@register.filter
def copyable(text: object) -> SafeString:
    """Show text in the monospace face with a button that copies all of it."""
    return format_html(
        '<span class="copy"><code>{0}</code><button type="button" class="copy-button" data-copy="{0}"'
        ' aria-label="Copy {0}">copy</button></span>',
        str(text),
    )


@register.filter
def remedy(text: str) -> SafeString:
    """Show what helps: a sentence, which ends in a full stop, as it is; a command to be copied."""
    return format_html("{}", text) if text.endswith(".") else copyable(text)


@register.filter
def mebibytes(value: float | None) -> str:
    """Write MiB as people read memory: 512 MiB, 4 GiB, 1.5 GiB; – for None."""
    if value is None:
        return "–"
    return f"{value:g} MiB" if value < 1024 else f"{round(value / 1024, 1):g} GiB"


@register.filter
def commit(sha: str) -> SafeString:
    """Show eight characters of a commit; its button copies the whole."""
    return format_html(
        '<span class="copy"><code title="{0}">{1}</code><button type="button" class="copy-button"'
        ' data-copy="{0}" aria-label="Copy commit {1}">copy</button></span>',
        sha,
        sha[:COMMIT_LENGTH],
    )


@register.filter
def avatar(user: object) -> SafeString:
    """Draw a person as initials; the name is read out and shown on hover."""
    name = getattr(user, "username", "") or "somebody"
    initials = getattr(user, "initials", "") or name[:1].upper()
    return format_html(
        '<span class="avatar" title="{0}"><span aria-hidden="true">{1}</span>'
        '<span class="visually-hidden">{0}</span></span>',
        name,
        initials,
    )


@register.filter
def starts_with(path: str, prefix: str) -> bool:
    """Tell whether an address lies below another; the rail marks its page by it."""
    return bool(prefix) and str(path).startswith(prefix)


@register.filter
def plain(text: str) -> str:
    """Take ANSI colours out of a log line."""
    return SGR.sub("", text)
