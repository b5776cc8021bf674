"""Rows whose status only moves along a table, by compare and swap."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db import models


class IllegalMove(Exception):
    """A bug: code asked for a transition that the table does not have."""


class Moving(models.Model):
    """A row with a `status` and the table of its TRANSITIONS; an end has none, and may be left out."""

    TRANSITIONS: ClassVar[Mapping[str, tuple[str, ...]]]
    status: Any  # the model's own field of text

    class Meta:
        abstract = True

    def move(self, to: str, expect: Iterable[str], **fields: Any) -> bool:  # Any: update()'s own values
        """Move to `to` if the stored status is one of `expect`; tell whether it did.

        One UPDATE that filters on the old value, so that of two callers one wins.
        Raises IllegalMove for a transition that the table does not have.
        """
        expected = tuple(expect)
        if any(to not in self.TRANSITIONS.get(status, ()) for status in expected):
            raise IllegalMove(f"{list(expected)} → {to}")
        row: Any = type(self)._base_manager.filter(pk=self.pk)  # Any: the field is the model's own
        won = row.filter(status__in=expected).update(status=to, **fields)
        if won:
            self.status = to
            for name, value in fields.items():
                setattr(self, name, value)
        return bool(won)
