"""Pairings: one that `owner` has opened on `lab`.

pairing         open, ana takes part
accept_as       accept_as(user, role) -> they came by an invitation of that role
"""

from collections.abc import Callable

import pytest

from webapp.accounts.models import User
from webapp.labs.models import Lab
from webapp.pairing import guests, limits
from webapp.pairing.actions import open_pairing
from webapp.pairing.models import Invitation, Pairing


@pytest.fixture(autouse=True)
def no_redis(settings) -> None:
    """Limits are counted in this process, presence is not known."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    limits.own_counts.clear()


@pytest.fixture
def pairing(lab: Lab, owner: User) -> Pairing:
    return open_pairing(lab, owner, title="Why is the CNI late")[0]


@pytest.fixture
def accept_as(pairing: Pairing, owner: User) -> Callable[[User, str], Invitation]:
    def accept_as(user: User, role: str) -> Invitation:
        invitation, _ = guests.invite(pairing, owner, role=role, uses=5)
        guests.accept(invitation, user)
        return invitation

    return accept_as
