"""The only file that enqueues. Tasks are named by text: rooms do not import tasks."""

import logging

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def enqueue(task: str, *ids: int, queue: str, expires_s: float | None = None) -> None:
    """Hand a task to `queue` once the open transaction has committed.

    A task that nobody has begun after `expires_s` seconds is dropped.

    A broker that cannot be reached loses nothing: the row is stored, and beat's
    `webapp.reap` enqueues pending rows again.
    """
    transaction.on_commit(lambda: _send(task, ids, queue, expires_s))


def _send(task: str, ids: tuple[int, ...], queue: str, expires_s: float | None) -> None:
    try:
        current_app.send_task(task, args=ids, queue=queue, expires=expires_s, retry=False)
    except OperationalError as error:
        logger.warning("task %s %s not sent, beat will try again: %s", task, ids, error)
