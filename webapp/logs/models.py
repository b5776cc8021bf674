"""A log, its chunks and the spools it is filled from. Contract: docs/logs.md."""

from django.db import models


class Log(models.Model):
    """A sequence of lines numbered 0..line_count-1, never renumbered."""

    line_count = models.PositiveBigIntegerField(default=0)
    byte_count = models.PositiveBigIntegerField(default=0)  # of the text, as UTF-8
    # The status its execution ended with; "" while lines may still come.
    complete = models.CharField(max_length=16, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    grew_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"log {self.pk}"


class LogChunk(models.Model):
    """Whole lines first_line..last_line, compressed; immutable, replaced only by compaction."""

    log = models.ForeignKey(Log, on_delete=models.CASCADE, related_name="chunks")
    first_line = models.PositiveBigIntegerField()
    last_line = models.PositiveBigIntegerField()
    texts = models.BinaryField()  # zstd of the lines joined by "\n", UTF-8
    marks = models.BinaryField()  # JSON, run-length: [[count, ms, step, machine, stream], …]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["log", "first_line"], name="one_chunk_per_first_line"),
        ]
        indexes = [models.Index(fields=["log", "last_line"], name="chunk_by_last_line")]


class Spool(models.Model):
    """How far a child's spooled output (spool.py) has been stored in a log.

    `offset` is moved in the same transaction that stores the lines, so that a
    crash neither loses nor doubles one.
    """

    log = models.ForeignKey(Log, on_delete=models.CASCADE, related_name="spools")
    folder = models.CharField(max_length=400, unique=True)
    step = models.PositiveSmallIntegerField(default=0)
    offset = models.PositiveBigIntegerField(default=0)
    state = models.JSONField(default=dict)  # what redaction must remember across lines
    closed_at = models.DateTimeField(null=True)
