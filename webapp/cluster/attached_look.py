"""One turn of an attached cluster's API, on a thread of `observe`'s pool: look, watch, look again.

    take_turn ─► look_once ─► record ─► (somebody has a page open) watch ≤ 4 s ─► news? look_once …

While it watches it holds the claim of its row, so that nobody else looks meanwhile; whoever takes the
row (`look_soon`) ends the turn. A turn takes 4 s and one look at most, however much changes.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from webapp.cluster import attached
from webapp.cluster.api_request import ApiError
from webapp.cluster.attached import Listing
from webapp.cluster.guests import ASK_S
from webapp.cluster.models import Sighting
from webapp.cluster.record import announce_change, is_watched, postpone, record_answers, record_silence
from webapp.cluster.watching import WatchEnd, polled_words, watch

WATCH_S = 4.0  # of the 5 s between two ticks; the next look finds what came in between
SHORTEST_S = 1.0
MOST_LOOKS = 4  # in a turn
SPACING_S, SPACING = 1.0, 2  # between two looks of a turn: a second, or twice what the last one took
CLAIM = timedelta(seconds=ASK_S + 10)


def take_turn(sighting_id: int) -> None:
    """Look, and while somebody watches, look again as soon as something has changed."""
    ends_at, turn_due = time.monotonic() + WATCH_S, None
    for number in range(1, MOST_LOOKS + 1):
        sighting = Sighting.objects.select_related("cluster__lab").get(pk=sighting_id)
        began = time.monotonic()
        _, listing = look_once(sighting)
        again_at = began + max(SPACING_S, SPACING * (time.monotonic() - began))
        if listing is None or listing.wait_s:
            return
        due = due_of(sighting)
        turn_due = turn_due or due  # a look more does not put the next turn off
        left_s = ends_at - time.monotonic() if is_watched(sighting.cluster, timezone.now()) else 0.0
        if number == MOST_LOOKS or left_s < SHORTEST_S:
            Sighting.objects.filter(pk=sighting_id, next_look_at=due).update(next_look_at=turn_due)
            return
        with held(sighting, due, turn_due) as row:
            end = watch_on(sighting, listing, left_s, row) if row is not None else WatchEnd()
            if end.has_news:
                time.sleep(max(min(again_at, ends_at) - time.monotonic(), 0.0))
        postpone(sighting, end.wait_s, timezone.now())
        if not end.has_news or end.wait_s:
            return


def due_of(sighting: Sighting) -> datetime:
    due: datetime = Sighting.objects.values_list("next_look_at", flat=True).get(pk=sighting.pk)
    return due


def look_once(sighting: Sighting) -> tuple[bool, Listing | None]:
    """List and record; tells whether a page would differ, and what was listed (None: no answer)."""
    asked_at = timezone.now()
    try:
        listing = attached.list_all(sighting.cluster)
    except ApiError as error:
        has_changed = record_silence(sighting, str(error), timezone.now())
        postpone(sighting, error.wait_s, timezone.now())
        return has_changed, None
    now = timezone.now()
    has_changed = record_answers(sighting, {"": listing.facts}, {}, now, (now - asked_at).total_seconds())
    postpone(sighting, listing.wait_s, now)
    return has_changed, listing


@contextmanager
def held(sighting: Sighting, due: datetime, turn_due: datetime) -> Iterator[QuerySet[Sighting] | None]:
    """Claim the row while it is watched; None when somebody else has it. Then it is due as the turn was."""
    mine = timezone.now() + CLAIM
    claimed = Sighting.objects.filter(pk=sighting.pk, next_look_at=due).update(next_look_at=mine)
    row = Sighting.objects.filter(pk=sighting.pk, next_look_at=mine)
    try:
        yield row if claimed else None
    finally:
        row.update(next_look_at=turn_due)


def watch_on(sighting: Sighting, listing: Listing, seconds: float, row: QuerySet[Sighting]) -> WatchEnd:
    """Watch while the row is ours; what another has taken brings no news."""
    with attached.client_of(sighting.cluster) as api:
        end = watch(api, listing, seconds, row.exists)
    note_polling(sighting, end)
    return end if row.exists() else WatchEnd(wait_s=end.wait_s)


def note_polling(sighting: Sighting, end: WatchEnd) -> None:
    """Keep which changes cannot be watched; written, and told, only when that is different."""
    words = polled_words(end)
    if end.has_news and (not words or sighting.polled):
        return  # it ended before every kind had answered
    row = Sighting.objects.filter(pk=sighting.pk).exclude(polled=words)
    if row.update(polled=words):
        announce_change(sighting.cluster)
