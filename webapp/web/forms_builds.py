"""Forms about builds, published binaries, uploads and components."""

from typing import Any

from django import forms
from django.conf import settings

from webapp.builds.queries import all_components, prebuilt_sources
from webapp.catalog.components import KUBERNETES, TARGETS, Component, Place

TARGET_CHOICES = [(target, target) for target in TARGETS]
Checks = forms.CheckboxSelectMultiple


class BuildForm(forms.Form):
    """What to build from which ref."""

    url = forms.CharField(
        max_length=400,
        label="Repository",
        widget=forms.TextInput(attrs={"list": "known-urls", "spellcheck": "false", "class": "mono"}),
        help_text="Upstream, a fork, or a folder that the administrator allowed.",
    )
    ref = forms.CharField(
        max_length=200,
        label="Ref",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}),
        help_text="A branch, a tag, a commit with its 40 digits, or pull/N.",
    )
    components = forms.MultipleChoiceField(label="Components", widget=Checks)
    targets = forms.MultipleChoiceField(label="Targets", choices=TARGET_CHOICES, widget=Checks)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Form's own arguments
        super().__init__(*args, **kwargs)
        self.fields["components"].choices = [(name, name) for name in all_components()]  # type: ignore[attr-defined]


class FetchForm(forms.Form):
    """Which published binaries to fetch."""

    source = forms.ChoiceField(label="From")
    version = forms.CharField(
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"class": "mono"}),
        help_text="Exact, like 1.36.1; nothing for a nightly.",
    )
    sha256 = forms.CharField(
        max_length=64,
        required=False,
        label="sha256",
        widget=forms.TextInput(attrs={"class": "mono"}),
        help_text="Only where none is published: of the file or archive that you trust.",
    )
    members = forms.MultipleChoiceField(label="Binaries", widget=Checks)
    fetch_targets = forms.MultipleChoiceField(label="Targets", choices=TARGET_CHOICES, widget=Checks)

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Form's own arguments
        super().__init__(*args, **kwargs)
        sources = prebuilt_sources().values()
        members = dict.fromkeys(member for source in sources for member in source.members)
        self.fields["source"].choices = [(s.name, s.title) for s in sources]  # type: ignore[attr-defined]
        self.fields["members"].choices = [(name, name) for name in members]  # type: ignore[attr-defined]


class UploadForm(forms.Form):
    """A binary from somebody's own machine."""

    file = forms.FileField(label="File")
    component = forms.CharField(max_length=40, help_text="Which binary it is, for example kubelet.")
    target = forms.ChoiceField(choices=TARGET_CHOICES)
    version = forms.CharField(max_length=120, required=False, help_text="As people call it; optional.")

    def clean_file(self) -> Any:  # Any: Django's uploaded file
        file = self.cleaned_data["file"]
        if file.size > settings.UPLOAD_LIMIT_MIB * 1024 * 1024:
            raise forms.ValidationError(f"The file is larger than {settings.UPLOAD_LIMIT_MIB} MiB.")
        return file


class ComponentForm(forms.Form):
    """A Go program that builds for everybody from now on."""

    name = forms.CharField(max_length=40, help_text="Lower-case letters, digits, hyphens.")
    title = forms.CharField(max_length=80, required=False, help_text="What it is, in a few words.")
    repository = forms.CharField(max_length=400, widget=forms.TextInput(attrs={"class": "mono"}))
    package = forms.CharField(
        max_length=400,
        label="Packages",
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false"}),
        help_text="Like ./cmd/csi-proxy, or . for the root's own. If it lay elsewhere in older trees, write "
        "both with a space between: the first that a tree has is built.",
    )
    stamp = forms.CharField(
        required=False,
        max_length=2000,
        label="Stamp",
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One line each: main.version={version}. Marks: {version}, {commit}, {date}. "
        "The word kubernetes stamps as Kubernetes does.",
    )
    targets = forms.MultipleChoiceField(choices=TARGET_CHOICES, widget=Checks, initial=[TARGETS[0]])
    path = forms.CharField(
        max_length=200, required=False, label="Path on a Windows node", help_text=r"Like C:\k\csi-proxy.exe."
    )
    run_by = forms.CharField(
        max_length=80, initial="nobody", label="Run by", help_text="service NAME, pod NAME, or nobody."
    )

    def component(self) -> Component:
        """Return what was written; `builds.components.add_component` checks it."""
        given = self.cleaned_data
        lines = [line.strip() for line in given["stamp"].splitlines() if line.strip()]
        pairs = tuple((line.partition("=")[0].strip(), line.partition("=")[2].strip()) for line in lines)
        place = {"windows": Place(given["path"], given["run_by"])} if given["path"] else {}
        return Component(
            name=given["name"],
            title=given["title"],
            repository=given["repository"].strip(),
            packages=tuple(given["package"].split()),
            stamp=KUBERNETES if lines == [KUBERNETES] else pairs,
            targets=tuple(given["targets"]),
            places=place,
        )
