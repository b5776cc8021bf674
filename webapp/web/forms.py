"""Forms about definitions. The settings themselves are `definition_fields`' business."""

from django import forms

from webapp.catalog.yaml_tree import MAX_BYTES


class NameForm(forms.Form):
    """What people call a definition, and what this change is for."""

    name = forms.CharField(max_length=80, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    description = forms.CharField(max_length=200, required=False)
    comment = forms.CharField(
        max_length=200, required=False, label="Comment", help_text="What this revision changes; optional."
    )
    seen = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput())


class ImportForm(forms.Form):
    """A variables.yaml, pasted or uploaded; the file counts when both are there."""

    name = forms.CharField(
        max_length=80, required=False, help_text="With a name, a file without mistakes is stored at once."
    )
    file = forms.FileField(
        required=False, label="File", widget=forms.ClearableFileInput(attrs={"accept": ".yaml,.yml,text/*"})
    )
    text = forms.CharField(
        required=False,
        strip=False,
        label="Or paste it",
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
    )

    def content(self) -> str | bytes:
        """Return what was given. Of a file too long only so much that it is seen as too long."""
        file = self.files.get("file")
        if file is not None:
            data: bytes = file.read(MAX_BYTES + 1)
            return data
        return str(self.data.get("text", "")).replace("\r\n", "\n")
