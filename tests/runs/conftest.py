"""A lab whose kit and rehearsal are the repository's own, played fast; no Redis is needed.

make_lab(text) -> Lab     launch nothing, only store: the definition is `text`
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories import HostFactory, RevisionFactory
from webapp.accounts.models import User
from webapp.catalog.variables import parse
from webapp.labs.actions import make_lab
from webapp.labs.models import Lab

MACHINES_ONLY = "scope: machines\nrehearsal: {speed: 2000}\n"


@pytest.fixture
def stored_lab(transactional_db: None, owner: User, var: Path) -> Callable[[str], Lab]:
    def store(text: str = MACHINES_ONLY) -> Lab:
        spec = parse(text).to_json()
        revision = RevisionFactory(text=text, spec=spec)
        return make_lab(revision=revision, host=HostFactory(name="local"), name="try", provider="", by=owner)

    return store
