"""Pairings on a lab: who takes part and by which right, what is said, noted and quoted.

    planned ─► open ─► ended          planned ─► ended (it never began)

`pairing.actions` and its neighbours write these rows; pages read them through
`pairing.queries`. Who is here right now is no row: see `pairing.presence`.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from webapp.executions.moves import Moving
from webapp.labs.models import Lab
from webapp.runs.models import Run


class Pairing(Moving):
    """Some people, one lab, one goal. `number` counts from 1 in each lab."""

    class Status(models.TextChoices):
        PLANNED = "planned", "Planned"
        OPEN = "open", "Open"
        ENDED = "ended", "Ended"

    TRANSITIONS = {
        Status.PLANNED: (Status.OPEN, Status.ENDED),
        Status.OPEN: (Status.ENDED,),
    }

    lab = models.ForeignKey(Lab, on_delete=models.CASCADE, related_name="pairings")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=80)
    goal = models.CharField(max_length=200, blank=True)
    agenda = models.TextField(blank=True)
    # The failed run that it was opened on; the machines are held for it meanwhile.
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="pairings")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PLANNED, db_index=True)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    planned_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    join_until = models.DateTimeField(null=True)  # ends by itself then, unless somebody has joined
    sentence = models.CharField(max_length=200, blank=True)  # why it ended
    summary = models.TextField(blank=True)  # Markdown, written once, at the end

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(fields=["lab", "number"], name="one_pairing_per_number"),
            models.UniqueConstraint(
                fields=["lab"], condition=Q(status="open"), name="one_open_pairing_per_lab"
            ),
        ]

    def __str__(self) -> str:
        return f"pairing #{self.number} {self.title}"

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.OPEN

    @property
    def is_ended(self) -> bool:
        return self.status == self.Status.ENDED


class Invitation(models.Model):
    """A link that lets somebody in as a guest. Only the token's SHA-256 is stored."""

    class Role(models.TextChoices):
        READ = "read", "Reads and talks"
        TYPE = "type", "May take the baton"

    pairing = models.ForeignKey(Pairing, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.READ)
    token_hash = models.CharField(max_length=64, unique=True)
    most_uses = models.PositiveSmallIntegerField(default=1)
    use_count = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return f"invitation {self.pk}"


class Participant(models.Model):
    """Somebody who has joined. `invitation` None: by a right of their own on the lab."""

    pairing = models.ForeignKey(Pairing, on_delete=models.CASCADE, related_name="participants")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    invitation = models.ForeignKey(
        Invitation, null=True, on_delete=models.SET_NULL, related_name="participants"
    )
    role = models.CharField(max_length=8, choices=Invitation.Role.choices, blank=True)  # "" = own right
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)  # thrown out: the same link lets them in no more

    class Meta:
        ordering = ("joined_at", "id")
        constraints = [
            models.UniqueConstraint(fields=["pairing", "user"], name="one_participation_per_pairing"),
        ]


class Quote(models.Model):
    """A piece of the lab as it was when it was quoted, and where it is."""

    class Kind(models.TextChoices):
        LOG = "log", "Log"
        RUNG = "rung", "Rung"
        COMMAND = "command", "Command"
        BUILD = "build", "Build"

    pairing = models.ForeignKey(Pairing, on_delete=models.CASCADE, related_name="quotes")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    title = models.CharField(max_length=200)
    text = models.TextField()
    link = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("id",)


class Message(models.Model):
    """One thing said in the chat; `id` is the reader's cursor."""

    pairing = models.ForeignKey(Pairing, on_delete=models.CASCADE, related_name="messages")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    text = models.TextField(blank=True)
    quote = models.OneToOneField(Quote, null=True, on_delete=models.SET_NULL, related_name="message")
    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("id",)


class Paragraph(models.Model):
    """One paragraph of the notes, in Markdown, as its last writer left it. Ordered by `position`."""

    pairing = models.ForeignKey(Pairing, on_delete=models.CASCADE, related_name="paragraphs")
    position = models.FloatField()
    text = models.TextField(blank=True)  # "" = taken out; its history stays
    version = models.PositiveIntegerField(default=1)
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    edited_at = models.DateTimeField()

    class Meta:
        ordering = ("position", "id")


class ParagraphEdit(models.Model):
    """What a paragraph said in one of its versions."""

    paragraph = models.ForeignKey(Paragraph, on_delete=models.CASCADE, related_name="edits")
    version = models.PositiveIntegerField()
    text = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ("version",)
        constraints = [
            models.UniqueConstraint(fields=["paragraph", "version"], name="one_edit_per_version"),
        ]
