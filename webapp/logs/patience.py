"""Waiting for a database that is locked, full or away. Nothing is dropped meanwhile: the spool holds it."""

import logging
import math
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

RETRY_FIRST_S = 0.1
RETRY_MOST_S = 2.0
PATIENCE_S = 30.0
FOREVER = math.inf


def for_ever(write: Callable[[], Result]) -> Result:
    """Call `write`, which does no harm twice, until the database takes it."""
    return with_patience(lambda _: write(), FOREVER)


def with_patience(write: Callable[[bool], Result], patience_s: float = PATIENCE_S) -> Result:
    """Call `write` (told whether it is a second try) until the database takes it.

    Raises the database's error once patience is over; at once inside somebody else's transaction,
    where a second try would run in a broken one.
    """
    end = time.monotonic() + (0 if connection.in_atomic_block else patience_s)
    wait_s = RETRY_FIRST_S
    is_retry = False
    while True:
        try:
            return write(is_retry)
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() >= end:
                raise
            if not is_retry:
                logger.warning("the database takes nothing, waiting: %s", error)
        is_retry = True
        connection.close_if_unusable_or_obsolete()
        time.sleep(wait_s)
        wait_s = min(wait_s * 2, RETRY_MOST_S)
