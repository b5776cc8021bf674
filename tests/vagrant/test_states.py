"""What Vagrant's state ids mean."""

import pytest

from webapp.vagrant.states import is_on, provider_can


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        ("running", True),
        ("shutting_down", True),
        ("not_created", False),
        ("poweroff", False),
        ("shutoff", False),
        ("saved", False),
        ("paused", False),
        ("inaccessible", None),
        ("host_state_unknown", None),
        ("", None),
    ],
)
def test_is_on(state: str, answer: bool | None) -> None:
    assert is_on(state) is answer


@pytest.mark.parametrize(
    ("provider", "verb", "answer"),
    [
        ("virtualbox", "snapshot-save", True),
        ("libvirt", "suspend", True),
        ("docker", "snapshot-restore", False),
        ("docker", "halt", True),
        ("rehearsal", "snapshot-delete", True),
        ("brand-new", "snapshot-save", True),
    ],
)
def test_provider_can(provider: str, verb: str, answer: bool) -> None:
    assert provider_can(provider, verb) is answer
