"""Forms about people."""

from django import forms
from django.contrib.auth.validators import UnicodeUsernameValidator

from webapp.accounts.models import Role


class PersonForm(forms.Form):
    """Add somebody; the password is made and shown once."""

    username = forms.CharField(max_length=150, label="Name", validators=[UnicodeUsernameValidator()])
    role = forms.ChoiceField(choices=Role.choices, initial=Role.MEMBER)


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class FirstRunForm(forms.Form):
    """The first administrator."""

    token = forms.CharField(
        label="Setup token",
        help_text="From the file setup_token in the server's data folder, or the variable SETUP_TOKEN.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    username = forms.CharField(
        max_length=150, label="Your name", initial="admin", validators=[UnicodeUsernameValidator()]
    )
    password = forms.CharField(
        label="Password",
        help_text="Ten characters or more.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
