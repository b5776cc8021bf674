"""Forms of injections: which binary, which machines."""

from typing import Any

from django import forms

from webapp.builds.models import Artifact
from webapp.inject.queries import choices
from webapp.labs.models import Machine


class ForceForm(forms.Form):
    force = forms.BooleanField(required=False)

    @property
    def is_forced(self) -> bool:
        return bool(self.cleaned_data.get("force"))


class ChooseBinaryForm(ForceForm):
    """One of the kept binaries of a component that fit the machine."""

    artifact: "forms.ModelChoiceField[Artifact]" = forms.ModelChoiceField(
        Artifact.objects.none(), error_messages={"required": "Choose a binary."}
    )

    def __init__(self, *args: Any, machine: Machine, component: str, **kwargs: Any) -> None:  # Any: Django's
        super().__init__(*args, **kwargs)
        self.offered = list(choices(machine, component))
        fitting = Artifact.objects.filter(pk__in=[artifact.pk for artifact in self.offered])
        self.fields["artifact"].queryset = fitting.select_related("build")  # type: ignore[attr-defined]


class ChooseMachinesForm(ForceForm):
    """Machines of one lab; whether the binary may go there, the action says."""

    lab = forms.SlugField(max_length=60)
    machines = forms.TypedMultipleChoiceField(coerce=str)

    def __init__(self, data: Any) -> None:  # Any: Django's own
        super().__init__(data)
        asked = [(name, name) for name in data.getlist("machines")[:50]]
        self.fields["machines"].choices = asked  # type: ignore[attr-defined]
