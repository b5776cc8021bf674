"""Forms about pairings and invitations."""

from typing import Any

from django import forms
from django.utils import timezone

from webapp.pairing.actions import LONGEST_AGENDA
from webapp.pairing.limits import LONGEST_INVITATION_H, MOST_USES
from webapp.pairing.models import Invitation

HOURS = ((1, "1 hour"), (4, "4 hours"), (24, "1 day"), (LONGEST_INVITATION_H, "14 days"))


class PairingForm(forms.Form):
    """What a pairing is about and when it begins."""

    title = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    goal = forms.CharField(
        max_length=200, required=False, help_text="What shall be known or work at the end; optional."
    )
    agenda = forms.CharField(
        max_length=LONGEST_AGENDA,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Markdown; optional.",
    )
    planned_at = forms.DateTimeField(
        required=False,
        label="Begins",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text="UTC. Empty: now.",
    )

    def clean_planned_at(self) -> Any:  # Any: a datetime or None
        planned_at = self.cleaned_data["planned_at"]
        if planned_at is not None and planned_at <= timezone.now():
            raise forms.ValidationError("That is past; leave it empty to begin now.")
        return planned_at


class InvitationForm(forms.Form):
    """Whom a link lets in, how many, how long."""

    role = forms.ChoiceField(choices=Invitation.Role.choices, label="Guests")
    uses = forms.IntegerField(min_value=1, max_value=MOST_USES, initial=1, label="People")
    hours = forms.TypedChoiceField(choices=HOURS, coerce=int, initial=4, label="Valid for")


class QuoteForm(forms.Form):
    """What is quoted; each kind uses some of the fields. Lines count from zero."""

    kind = forms.ChoiceField(choices=[(kind, kind) for kind in ("log", "rung", "build", "command")])
    run = forms.IntegerField(min_value=1, required=False)
    first = forms.IntegerField(min_value=0, required=False)
    last = forms.IntegerField(min_value=0, required=False)
    machine = forms.CharField(max_length=15, required=False)
    rung = forms.CharField(max_length=60, required=False)
    build = forms.IntegerField(min_value=1, required=False)
    terminal = forms.IntegerField(min_value=1, required=False)
    text = forms.CharField(max_length=20_000, required=False, strip=False)


class GuestNameForm(forms.Form):
    """How somebody without an account is called here."""

    name = forms.CharField(
        max_length=30,
        min_length=2,
        label="Your name",
        help_text="How the others see you. An account is made that can do nothing but this pairing.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
