"""Who hears of which cluster: an attached one by the right to see them, a lab's by the lab's."""

import pytest

from tests.factories import LabFactory, UserFactory
from webapp.accounts.models import Role, User
from webapp.cluster.actions import cluster_of
from webapp.cluster.models import Cluster
from webapp.labs.models import Lab
from webapp.ws.rights import NO_RIGHT, NOT_THERE, Refused, group_for


@pytest.fixture
def attached(owner: User) -> Cluster:
    return Cluster.objects.create(name="of a colleague", owner=owner)


def refusal(user: User, topic: str) -> int:
    with pytest.raises(Refused) as refused:
        group_for(user, topic)
    return refused.value.code


def test_viewer_hears_of_attached_clusters_and_labs_clusters(
    attached: Cluster, lab: Lab, stranger: User
) -> None:
    own = cluster_of(lab)

    assert group_for(stranger, "clusters") == "clusters"
    assert group_for(stranger, f"cluster-{attached.pk}") == f"cluster.{attached.pk}"
    assert group_for(stranger, f"cluster-{own.pk}") == f"cluster.{own.pk}"


def test_somebody_who_came_by_a_link_hears_of_none_but_their_labs(attached: Cluster, lab: Lab) -> None:
    invited = UserFactory(role=Role.GUEST)
    lab.members.create(user=invited, role="reader")

    assert group_for(invited, f"cluster-{cluster_of(lab).pk}")
    assert refusal(invited, f"cluster-{cluster_of(LabFactory()).pk}") == NO_RIGHT
    assert refusal(invited, f"cluster-{attached.pk}") == NO_RIGHT
    assert refusal(invited, "clusters") == NO_RIGHT


@pytest.mark.parametrize("topic", ["cluster-0", "cluster-x", "cluster-", "cluster-99999999999999999999"])
def test_topic_of_no_cluster_is_not_there(topic: str, owner: User) -> None:
    assert refusal(owner, topic) == NOT_THERE
