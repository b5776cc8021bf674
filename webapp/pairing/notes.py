"""Notes, paragraph by paragraph: the last writer of one wins, everything ever written is kept."""

from django.db import transaction
from django.db.models import Max, Sum
from django.db.models.functions import Length
from django.utils import timezone

from webapp import live
from webapp.accounts.models import User
from webapp.pairing import chat, limits
from webapp.pairing.errors import PairingError
from webapp.pairing.markdown import paragraphs
from webapp.pairing.models import Pairing, Paragraph, ParagraphEdit

MOST_PARAGRAPHS = 500
CLOSEST = 1e-6  # positions nearer than this are dealt out anew


def add(pairing: Pairing, by: User, text: str) -> list[Paragraph]:
    """Write at the end; empty lines part paragraphs. Raises PairingError, TooMuch."""
    parts = parts_of(text, by)
    if not parts:
        raise PairingError("Write something first.")
    with transaction.atomic():
        lock(pairing)
        refuse_overflow(pairing, len(parts), sum(map(len, parts)))
        last = pairing.paragraphs.aggregate(last=Max("position"))["last"] or 0.0
        made = [write(pairing, by, part, last + number) for number, part in enumerate(parts, start=1)]
    announce(pairing)
    return made


def edit(pairing: Pairing, by: User, paragraph_id: int, text: str, seen_version: int) -> bool:
    """Write a paragraph anew; True if it overwrote a version that the writer had not seen.

    Empty text takes it out; empty lines in it make new paragraphs after it. Raises PairingError, TooMuch,
    Paragraph.DoesNotExist.
    """
    first, *more = parts_of(text, by) or [""]
    with transaction.atomic():
        lock(pairing)
        paragraph = pairing.paragraphs.get(pk=paragraph_id)
        if paragraph.text == first and not more:
            return False
        refuse_overflow(pairing, len(more), len(first) + sum(map(len, more)) - len(paragraph.text))
        was_unseen = paragraph.version != seen_version
        change(paragraph, by, first)
        insert_after(pairing, by, paragraph, more)
    announce(pairing)
    return was_unseen


def parts_of(text: str, by: User) -> list[str]:
    text = text.replace("\r\n", "\n")  # forms send both; people count one
    if len(text) > limits.LONGEST_PARAGRAPH:
        raise PairingError(f"At most {limits.LONGEST_PARAGRAPH:,} characters at once.")
    limits.refuse_flood(f"notes:{by.pk}", 30, 60)
    return paragraphs(chat.clean(text))


def lock(pairing: Pairing) -> None:
    """Have one writer at a time; raises PairingError after the end."""
    Pairing.objects.select_for_update().get(pk=pairing.pk)
    chat.refuse_ended(pairing)


def refuse_overflow(pairing: Pairing, paragraphs: int, characters: int) -> None:
    """Raise PairingError where so many more do not fit; what makes the notes no longer always fits."""
    if paragraphs > 0 and pairing.paragraphs.count() + paragraphs > MOST_PARAGRAPHS:
        raise PairingError(f"The notes hold at most {MOST_PARAGRAPHS} paragraphs.")
    written = pairing.paragraphs.aggregate(size=Sum(Length("text")))["size"] or 0
    if characters > 0 and written + characters > limits.LONGEST_NOTES:
        raise PairingError(f"The notes are full: {limits.LONGEST_NOTES:,} characters.")


def write(pairing: Pairing, by: User, text: str, position: float) -> Paragraph:
    now = timezone.now()
    made = Paragraph.objects.create(
        pairing=pairing, position=position, text=text, edited_by=by, edited_at=now
    )
    ParagraphEdit.objects.create(paragraph=made, version=1, text=text, by=by, at=now)
    return made


def change(paragraph: Paragraph, by: User, text: str) -> None:
    now = timezone.now()
    paragraph.version += 1
    Paragraph.objects.filter(pk=paragraph.pk).update(
        text=text, version=paragraph.version, edited_by=by, edited_at=now
    )
    ParagraphEdit.objects.create(paragraph=paragraph, version=paragraph.version, text=text, by=by, at=now)


def insert_after(pairing: Pairing, by: User, paragraph: Paragraph, texts: list[str]) -> None:
    """Write new paragraphs between this one and the next."""
    if not texts:
        return
    later = pairing.paragraphs.filter(position__gt=paragraph.position)
    following = later.values_list("position", flat=True).first()
    step = 1.0 if following is None else (following - paragraph.position) / (len(texts) + 1)
    if step < CLOSEST:
        for number, row in enumerate(pairing.paragraphs.all(), start=1):
            Paragraph.objects.filter(pk=row.pk).update(position=float(number))
        paragraph.refresh_from_db()
        step = 1 / (len(texts) + 1)
    for number, text in enumerate(texts, start=1):
        write(pairing, by, text, paragraph.position + number * step)


def announce(pairing: Pairing) -> None:
    lab_id, pairing_id = pairing.lab_id, pairing.pk
    transaction.on_commit(
        lambda: live.announce({"type": "notes.changed", "lab": lab_id, "pairing": pairing_id})
    )
