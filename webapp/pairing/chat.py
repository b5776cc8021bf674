"""Say something in a pairing's chat. Quotes are said by `pairing.quotes`."""

import re

from django.db import transaction
from django.utils import timezone

from webapp import live
from webapp.accounts.models import User
from webapp.logs.redact import redact_text
from webapp.pairing import limits
from webapp.pairing.errors import PairingError
from webapp.pairing.models import Message, Pairing, Quote

# Line breaks and tabs stay; everything else that is no character to be seen goes, marks of direction too.
INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
CHAT_MOST, CHAT_WINDOW_S = 20, 10


def clean(text: str) -> str:
    """Take out what could make a text look like something else, and secrets known by their look."""
    return redact_text(INVISIBLE.sub("", text)).strip()


def say(pairing: Pairing, author: User, text: str) -> Message:
    """Raises PairingError for nothing, too much, or a pairing that has ended; TooMuch for a flood."""
    text = text.replace("\r\n", "\n")  # forms send both; people count one
    if len(text) > limits.LONGEST_MESSAGE:
        raise PairingError(f"A message has at most {limits.LONGEST_MESSAGE} characters.")
    said = clean(text)
    if not said:
        raise PairingError("Say something first.")
    limits.refuse_flood(f"chat:{author.pk}", CHAT_MOST, CHAT_WINDOW_S)
    return store(pairing, author, said)


def store(pairing: Pairing, author: User, text: str, quote: Quote | None = None) -> Message:
    """Store a message and tell; call it with what was looked at already."""
    refuse_ended(pairing)
    message = Message.objects.create(
        pairing=pairing, author=author, text=text, quote=quote, at=timezone.now()
    )
    lab_id, pairing_id = pairing.lab_id, pairing.pk
    transaction.on_commit(lambda: live.announce({"type": "chat.grew", "lab": lab_id, "pairing": pairing_id}))
    return message


def refuse_ended(pairing: Pairing) -> None:
    if not Pairing.objects.filter(pk=pairing.pk).exclude(status=Pairing.Status.ENDED).exists():
        raise PairingError("The pairing has ended; nothing can be added to it any more.")
