"""Attaching a cluster: a name, and a kubeconfig as a file or as text."""

from typing import Any

from django import forms

MOST_KUBECONFIG = 256 * 1024


class AttachForm(forms.Form):
    """The file wins where both are given; what it means is checked by kube.kubeconfig."""

    name = forms.CharField(max_length=60, label="Name", widget=forms.TextInput({"autocomplete": "off"}))
    file = forms.FileField(required=False, label="kubeconfig file", max_length=200)
    text = forms.CharField(
        required=False,
        strip=False,
        max_length=MOST_KUBECONFIG,
        label="or its text",
        widget=forms.Textarea({"rows": 10, "spellcheck": "false", "autocomplete": "off"}),
        help_text="kubectl config view --raw --minify --flatten prints what is needed.",
    )

    def clean(self) -> dict[str, Any]:  # Any: Django's cleaned data
        data = super().clean() or {}
        data["kubeconfig"] = self.read_file() or data.get("text", "")
        if not data["kubeconfig"].strip() and not self.errors:
            self.add_error("text", "Choose a kubeconfig file, or paste its text.")
        return data

    def read_file(self) -> str:
        file = self.cleaned_data.get("file")
        if file is None:
            return ""
        if file.size > MOST_KUBECONFIG:
            self.add_error("file", f"This file is larger than {MOST_KUBECONFIG // 1024} KiB.")
            return ""
        return file.read().decode("utf-8", "replace")  # type: ignore[no-any-return]  # an uploaded file's bytes
