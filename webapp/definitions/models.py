"""Definitions (the wish) and their immutable revisions.

A revision holds the text as its author wrote it and the parsed `LabSpec` as
JSON; labs are pinned to a revision.
"""

from typing import Any

from django.conf import settings
from django.db import models


class Definition(models.Model):
    """A named lab definition; what it says is in its newest revision."""

    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=80, unique=True)
    description = models.CharField(max_length=200, blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="definitions")
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Revision(models.Model):
    """One immutable state of a definition; numbers count from 1."""

    definition = models.ForeignKey(Definition, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    text = models.TextField()
    spec = models.JSONField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    comment = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-number",)
        constraints = [
            models.UniqueConstraint(fields=["definition", "number"], name="one_revision_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.definition} r{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own signature
        """Refuse to change what labs may be pinned to."""
        if self.pk is not None:
            raise TypeError("a revision is immutable; add a new one")
        super().save(*args, **kwargs)
