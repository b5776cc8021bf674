"""What somebody fills in for a bisect."""

from django import forms

from webapp.bisects.actions import Wish
from webapp.bisects.checks import LIMITS_S, MOST_SCRIPT, Check
from webapp.bisects.workload_check import workload_names
from webapp.cluster.readiness import CATEGORIES
from webapp.labs.models import Lab

MONO = {"class": "mono", "spellcheck": "false"}


class BisectForm(forms.Form):
    """A lab's machine, two refs, and what tells good from bad."""

    machine = forms.ChoiceField(help_text="Where the binary is put.")
    component = forms.ChoiceField()
    url = forms.CharField(max_length=400, label="Repository", widget=forms.TextInput(attrs=MONO))
    good = forms.CharField(
        max_length=200, label="Good ref", widget=forms.TextInput(attrs=MONO), help_text="Before it broke."
    )
    bad = forms.CharField(
        max_length=200, label="Bad ref", widget=forms.TextInput(attrs=MONO), help_text="It is broken here."
    )
    snapshot = forms.CharField(
        max_length=60,
        required=False,
        help_text="The machine is brought back to it before each trial. Empty: it is not reset.",
    )
    workload = forms.ChoiceField(
        required=False,
        help_text="Applied anew in each trial; the commit is good when all its pods are ready in time.",
    )
    readiness = forms.ChoiceField(
        required=False,
        label="Readiness category",
        choices=[("", "none"), *((name, name) for name in CATEGORIES)],
        help_text="Run against the lab's cluster; a failed test makes the commit bad.",
    )
    check_machine = forms.ChoiceField(label="Check on", help_text="Where the script runs.")
    script = forms.CharField(
        max_length=MOST_SCRIPT,
        required=False,
        label="Script",
        widget=forms.Textarea(attrs={"rows": 4, **MONO}),
        help_text="Where neither is chosen: a command of that machine's shell. It ends with 0 for a good "
        "commit, 125 (or a line “bisect: skip”) for one that cannot be judged, else with another code.",
    )
    expect = forms.CharField(
        max_length=200,
        required=False,
        label="Output holds",
        widget=forms.TextInput(attrs=MONO),
        help_text="A regular expression; optional.",
    )
    limit_s = forms.IntegerField(
        min_value=LIMITS_S[0], max_value=LIMITS_S[1], initial=300, label="Longest check (s)"
    )
    skips_crashes = forms.BooleanField(
        required=False, label="Skip a binary that does not come up", help_text="Otherwise it counts as bad."
    )
    trusts_ends = forms.BooleanField(
        required=False, label="Trust the two refs", help_text="Otherwise both are tried first."
    )

    def __init__(self, *args: object, lab: Lab, components: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        names = [(machine.name, machine.name) for machine in lab.machines.all()]
        for name, choices in (
            ("machine", names),
            ("check_machine", names),
            ("component", [(one, one) for one in components]),
            ("workload", [("", "none"), *workload_names(lab)]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices

    def clean(self) -> dict[str, object]:
        """Refuse two checks at once: only one can decide."""
        given: dict[str, object] = super().clean() or self.cleaned_data
        if given.get("workload") and given.get("readiness"):
            self.add_error("readiness", "Choose a workload or a readiness category, not both.")
        return given

    def wish(self) -> Wish:
        given = self.cleaned_data
        kind = next((kind for kind in ("workload", "readiness") if given[kind]), "script")
        check = Check(
            machine=given["check_machine"],
            script=given[kind],
            expect=given["expect"] if kind == "script" else "",
            limit_s=given["limit_s"],
            kind=kind,
        )
        return Wish(
            machine=given["machine"],
            component=given["component"],
            url=given["url"],
            good=given["good"],
            bad=given["bad"],
            check=check,
            snapshot=given["snapshot"],
            skips_crashes=given["skips_crashes"],
            tries_ends=not given["trusts_ends"],
        )
