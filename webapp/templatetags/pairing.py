"""How a pairing's texts look: {% load pairing %}."""

from django import template
from django.utils.safestring import SafeString, mark_safe

from webapp.pairing.markdown import render

register = template.Library()


@register.filter
def markdown(text: str) -> SafeString:
    """Show Markdown of people; what `pairing.markdown` lets through is harmless."""
    return mark_safe(render(text))  # noqa: S308 (cleaned by nh3)


@register.filter
def get(mapping: object, key: object) -> object:
    """Look a key up in a dict, None where it is not."""
    return mapping.get(key) if isinstance(mapping, dict) else None
