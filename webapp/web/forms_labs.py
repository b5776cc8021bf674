"""Forms about labs."""

from typing import Any

from django import forms

from webapp.accounts.models import User
from webapp.definitions.models import Revision
from webapp.hosts.models import Host
from webapp.labs.models import REHEARSAL, Lab
from webapp.labs.queries import newest_revisions, people_to_add, revisions_in_use

AUTOMATIC = ("", "Automatic: the definition's, else the host's first")


class LaunchForm(forms.Form):
    """What to launch, where, under which name.

    `definition` (a slug) puts all its revisions on the list; of the others only
    the newest is listed, though any revision in use is accepted.
    """

    revision = forms.ModelChoiceField(Revision.objects.none(), label="Definition", empty_label=None)
    name = forms.CharField(
        max_length=40, help_text="Letters, digits and hyphens; its machines are named after it."
    )
    host = forms.ModelChoiceField(Host.objects.none(), label="Lab host", empty_label=None)
    provider = forms.ChoiceField(
        required=False, help_text="A rehearsal starts no machine; it plays what would happen."
    )

    def __init__(self, *args: Any, definition: str = "", **kwargs: Any) -> None:  # Any: Form's own arguments
        super().__init__(*args, **kwargs)
        listed, hosts = list(newest_revisions(definition)), list(Host.objects.all())
        first = next((r for r in listed if r.definition.slug == definition), listed[0] if listed else None)
        self.initial = {
            "revision": first.pk if first else None,
            "host": hosts[0].pk if hosts else None,
            "name": first.definition.slug[:40] if first else "",
            **self.initial,
        }
        revision, host, provider = self.fields["revision"], self.fields["host"], self.fields["provider"]
        revision.queryset = revisions_in_use()  # type: ignore[attr-defined]  # a ModelChoiceField
        revision.widget.choices = [(r.pk, str(r)) for r in listed]
        host.queryset = Host.objects.all()  # type: ignore[attr-defined]  # a ModelChoiceField
        found = sorted({name for one in hosts for name in one.providers} - {REHEARSAL})
        provider.choices = [AUTOMATIC, *((n, n) for n in found), (REHEARSAL, "Rehearsal")]  # type: ignore[attr-defined]


class GuestForm(forms.Form):
    """Let somebody operate a lab."""

    person = forms.ModelChoiceField(
        User.objects.none(), to_field_name="username", empty_label="Choose a person"
    )

    def __init__(self, lab: Lab, *args: Any, **kwargs: Any) -> None:  # Any: Form's own arguments
        super().__init__(*args, **kwargs)
        self.fields["person"].queryset = people_to_add(lab)  # type: ignore[attr-defined]  # a ModelChoiceField
