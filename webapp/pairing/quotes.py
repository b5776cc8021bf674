"""Quote a piece of the lab into the chat: its text is read here, not taken from the browser.

The one exception is a command with its output: what a terminal showed is known to its viewers only.
"""

from django.db import transaction
from django.utils import timezone

from webapp.accounts.models import User
from webapp.builds.models import Build
from webapp.cluster.queries import ladder
from webapp.logs import store
from webapp.logs.models import Log
from webapp.pairing import chat, limits
from webapp.pairing.errors import PairingError
from webapp.pairing.models import Pairing, Quote
from webapp.runs.models import Run
from webapp.shells.models import Terminal


def quote_log(pairing: Pairing, by: User, run: Run, first: int, last: int, link: str) -> Quote:
    """Quote lines first..last (zero-based, at most 50) of a run of this lab. Raises PairingError."""
    if run.lab_id != pairing.lab_id:
        raise PairingError("That run is another lab's.")
    title, text = lines_of(run.log, f"run #{run.number}", first, last)
    return keep(pairing, by, Quote.Kind.LOG, title, text, link)


def lines_of(log: Log, what: str, first: int, last: int) -> tuple[str, str]:
    if not 0 <= first <= last:
        raise PairingError("Mark the lines first: click a line's number.")
    count = min(last - first + 1, limits.MOST_QUOTED_LINES)
    rows = store.read(log.pk, first - 1, count).lines
    if not rows:
        raise PairingError("The log has no such line.")
    text = "\n".join(f"{row[2]}  {chat.clean(row[4])}".strip() for row in rows)
    until = f"–{first + len(rows):,}" if len(rows) > 1 else ""
    return f"{what}, line {first + 1:,}{until}", text


def quote_rung(pairing: Pairing, by: User, machine: str, key: str, link: str) -> Quote:
    """Quote a rung as it is now. Raises PairingError."""
    if not pairing.lab.machines.filter(name=machine).exists():
        raise PairingError("The lab has no such machine.")
    rung = next((one for one in ladder(pairing.lab, machine).rungs if one.key == key), None)
    if rung is None:
        raise PairingError(f"{machine} has no such rung.")
    found = [rung.finding.title] if rung.finding else []
    text = "\n".join(part for part in (str(rung.state), *found, rung.advice, rung.evidence) if part)
    return keep(pairing, by, Quote.Kind.RUNG, f"{machine}, {rung.title}: {rung.state}", text, link)


def quote_build(pairing: Pairing, by: User, build: Build, link: str) -> Quote:
    """Quote a build as it stands."""
    names = ", ".join(build.names)
    version = f"version {build.version}" if build.version else ""
    facts = (f"{build.ref} {build.commit}".strip(), version, build.sentence)
    text = "\n".join(fact for fact in facts if fact)
    return keep(pairing, by, Quote.Kind.BUILD, f"build #{build.pk} {names}: {build.status}", text, link)


def quote_command(pairing: Pairing, by: User, terminal: Terminal, text: str, link: str) -> Quote:
    """Quote what somebody marked in a terminal of this lab. Raises PairingError."""
    if terminal.lab_id != pairing.lab_id:
        raise PairingError("That terminal is another lab's.")
    if not chat.clean(text):
        raise PairingError("Mark something in the terminal first.")
    return keep(pairing, by, Quote.Kind.COMMAND, f"terminal {terminal}", chat.clean(text), link)


def keep(pairing: Pairing, by: User, kind: str, title: str, text: str, link: str) -> Quote:
    """Store a quote and say it in the chat. Raises PairingError, TooMuch."""
    limits.refuse_flood(f"quote:{by.pk}", 20, 60)
    if pairing.quotes.count() >= limits.MOST_QUOTES:
        raise PairingError(f"A pairing has at most {limits.MOST_QUOTES} quotes.")
    with transaction.atomic():
        quote = Quote.objects.create(
            pairing=pairing,
            kind=kind,
            title=chat.clean(title)[:200],
            text=text[: limits.LONGEST_QUOTE],
            link=link[:300],
            by=by,
            at=timezone.now(),
        )
        chat.store(pairing, by, "", quote)
    return quote
