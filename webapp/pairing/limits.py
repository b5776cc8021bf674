"""How often and how much: sizes of what people send, and how fast they may send it."""

import time
from dataclasses import dataclass, field

import redis
from django.conf import settings

from webapp.pairing.presence import client_of

LONGEST_MESSAGE = 2_000  # characters of a chat message
LONGEST_PARAGRAPH = 8_000
LONGEST_NOTES = 200_000  # of all paragraphs together
LONGEST_QUOTE = 8_000
MOST_QUOTED_LINES = 50
MOST_QUOTES = 300  # a pairing
MOST_INVITATIONS = 50  # a pairing
LONGEST_INVITATION_H = 14 * 24
MOST_USES = 100
GUEST_KEPT_H = 24  # a guest's account after the last pairing that wanted it


class TooMuch(Exception):
    """Somebody sends too fast or too much: a sentence for them."""


@dataclass
class Bucket:
    """A token bucket: `rate` messages (or bytes) a second in the long run, `burst` at once."""

    rate: float
    burst: float
    filled: float = field(init=False)
    at: float | None = None

    def __post_init__(self) -> None:
        self.filled = self.burst

    def take(self, now: float, amount: float = 1) -> bool:
        """Tell whether so many more may pass. `now` in seconds, of one clock."""
        if self.at is not None:
            self.filled = min(self.burst, self.filled + (now - self.at) * self.rate)
        self.at = now
        if self.filled < amount:
            return False
        self.filled -= amount
        return True


# While Redis is away each process counts for itself.
own_counts: dict[str, tuple[float, int]] = {}


def allow(what: str, most: int, window_s: int) -> bool:
    """Count one more `what` ("chat:7"), in all processes; tell whether the window has room for it."""
    key = f"lab:limit:{what}:{int(time.time() // window_s)}"
    try:
        with client_of(settings.REDIS_URL).pipeline(transaction=False) as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, window_s * 2)
            return int(pipeline.execute()[0]) <= most
    except redis.RedisError:
        return allow_here(key, most, window_s)


def allow_here(key: str, most: int, window_s: int) -> bool:
    now = time.monotonic()
    for old in [name for name, (until, _) in own_counts.items() if until < now]:
        del own_counts[old]
    until, count = own_counts.get(key, (now + window_s * 2, 0))
    own_counts[key] = until, count + 1
    return count < most


def refuse_flood(what: str, most: int, window_s: int) -> None:
    """Raises TooMuch."""
    if not allow(what, most, window_s):
        raise TooMuch(f"That is more than {most} in {window_s} seconds; wait a moment.")
