"""What remains of a pairing: one Markdown text, written once, at its end.

Links are written from the site's root; an export puts the site before them (`absolute`).
"""

from datetime import datetime

from webapp.pairing.markdown import escape, fenced
from webapp.pairing.models import Invitation, Pairing, Participant, Quote
from webapp.shells.models import Recording
from webapp.shells.queries import recordings_of


def write_summary(pairing: Pairing) -> str:
    """Read what there is of a pairing and write it down."""
    participants = pairing.participants.select_related("user")
    quotes = list(pairing.quotes.select_related("by"))
    parts = [
        head(pairing),
        section("Agenda", pairing.agenda),
        section("Who", "\n".join(f"- {who(one)}" for one in participants)),
        section("Notes", "\n\n".join(one.text for one in pairing.paragraphs.exclude(text=""))),
        section("Quoted", "\n\n".join(quoted(one) for one in quotes if one.kind != Quote.Kind.COMMAND)),
        section("Commands run", "\n\n".join(quoted(one) for one in quotes if one.kind == Quote.Kind.COMMAND)),
        section("Recordings", "\n".join(recorded(one) for one in recordings_of(pairing.lab, pairing.pk))),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def head(pairing: Pairing) -> str:
    lab = pairing.lab
    lines = [
        f"# {escape(pairing.title)}",
        "",
        f"- Lab: [{escape(lab.name)}](/labs/{lab.slug}/), pairing #{pairing.number}",
        f"- When: {when(pairing.started_at, pairing.ended_at)}",
    ]
    if pairing.goal:
        lines.append(f"- Goal: {escape(pairing.goal)}")
    if pairing.run is not None:
        number = pairing.run.number
        lines.append(f"- Opened on: [run #{number}](/labs/{lab.slug}/runs/{number}/), which had failed")
    if pairing.sentence:
        lines.append(f"- End: {escape(pairing.sentence)}")
    return "\n".join(lines)


def section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text.strip() else ""


def when(start: datetime | None, end: datetime | None) -> str:
    if start is None:
        return "it never began"
    until = f"–{end:%H:%M}" if end is not None and end.date() == start.date() else ""
    if end is not None and not until:
        until = f" – {end:%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M}{until} UTC"


def who(one: Participant) -> str:
    words = {Invitation.Role.READ: "guest, read", Invitation.Role.TYPE: "guest, could type"}
    came = (
        "removed" if one.removed_at is not None else words.get(Invitation.Role(one.role)) if one.role else ""
    )
    until = f"–{one.left_at:%H:%M}" if one.left_at is not None else ""
    return f"{escape(one.user.username)}{f' ({came})' if came else ''}, {one.joined_at:%H:%M}{until}"


def quoted(quote: Quote) -> str:
    by = escape(quote.by.username) if quote.by else "somebody"
    return f"[{escape(quote.title)}]({quote.link}), by {by} at {quote.at:%H:%M}\n\n{fenced(quote.text)}"


def recorded(recording: Recording) -> str:
    """Name a recording; its player is on the lab's pages."""
    lab = recording.terminal.lab
    link = f"/labs/{lab.slug}/shells/recordings/{recording.pk}"
    return f"- [terminal {escape(str(recording.terminal))}]({link}), from {recording.started_at:%H:%M}"


def absolute(text: str, site: str) -> str:
    """Put the site ("https://lab.example.org") before links from its root."""
    return text.replace("](/", f"]({site}/")
