"""The target of the contract's cases: each case runs on both, in order, on one machine's life."""

import pytest

from tests.contracts.targets import Target, real_target, rehearsal_target
from tests.real.fixtures import libvirt, real_lab, real_vagrant

__all__ = ["libvirt", "real_lab", "real_vagrant"]


@pytest.fixture(scope="module", params=["rehearsal", pytest.param("real", marks=pytest.mark.timeout(600))])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Target:
    """A lab with one machine that is not created; `real` skips, with one sentence, where it cannot be."""
    folder = tmp_path_factory.mktemp("target")
    if request.param == "rehearsal":
        return rehearsal_target(folder)
    return real_target(folder, request.getfixturevalue("real_lab").driver)
