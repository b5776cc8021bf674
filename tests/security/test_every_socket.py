"""Every socket × every role: who may listen, look and type; a socket more is red."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser

from tests.security.rights import SEE, SITE, TYPE, Roles
from tests.world import World
from webapp.accounts.models import User
from webapp.builds.models import Build
from webapp.cluster.models import Cluster, NodeLog
from webapp.shells.models import Terminal
from webapp.ws.presence import lab_to_see
from webapp.ws.rights import SIGN_IN, Refused, check_log_of, current_user, group_for
from webapp.ws.routing import websocket_urlpatterns
from webapp.ws.shell import ShellConsumer

Ask = Callable[[User, World], object]


def terminal(user: User, _: World) -> bool:
    """Ask what the terminal's socket asks; tell whether the person may type."""
    socket = ShellConsumer()
    socket.scope = {"url_route": {"kwargs": {"terminal_id": Terminal.objects.get().pk}}}
    socket.user = user
    return socket.rights()


def must(claim: object) -> None:
    if not claim:
        raise Refused(0)


ASKED: dict[str, tuple[Ask, Roles]] = {
    **{topic: (lambda user, _, topic=topic: group_for(user, topic), SITE) for topic in ("labs", "hosts")},
    **{
        topic: (lambda user, _, topic=topic: group_for(user, topic), SITE) for topic in ("builds", "clusters")
    },
    "lab": (lambda user, world: group_for(user, f"lab-{world.lab.pk}"), SEE),
    "a lab's cluster": (lambda user, world: group_for(user, f"cluster-{world.lab.cluster.pk}"), SEE),
    "an attached cluster": (
        lambda user, _: group_for(user, f"cluster-{Cluster.objects.get(lab=None).pk}"),
        SITE,
    ),
    "a run's log": (lambda user, world: check_log_of(user, world.log.pk), SEE),
    "a build's log": (lambda user, _: check_log_of(user, Build.objects.get().log_id), SITE),
    "a log of a lab's cluster": (
        lambda user, world: check_log_of(user, NodeLog.objects.get(cluster__lab=world.lab).log_id),
        SEE,
    ),
    "a log of an attached cluster": (
        lambda user, _: check_log_of(user, NodeLog.objects.get(cluster__lab=None).log_id),
        SITE,
    ),
    "presence": (lambda user, world: lab_to_see(user, world.lab.pk), SEE),
    "a terminal": (terminal, SEE),
    "typing in a terminal": (lambda user, world: must(terminal(user, world)), TYPE),
}


def test_every_socket_is_asked_here() -> None:
    assert {str(one.pattern) for one in websocket_urlpatterns} == {
        "ws/live/",
        "ws/presence/<int:lab_id>/",
        "ws/logs/<int:log_id>/",
        "ws/shells/<int:terminal_id>/",
        "",  # anything else: not there
    }


@pytest.mark.parametrize(("ask", "roles"), [pytest.param(*one, id=name) for name, one in ASKED.items()])
def test_exactly_those_are_let_in_who_may(ask: Ask, roles: Roles, world: World) -> None:
    found = set()
    for role, user in world.people.items():
        try:
            ask(user, world)
        except Refused:
            continue
        found.add(role)

    assert found == roles


@pytest.mark.parametrize(
    "scope", [{}, {"user": None}, {"user": AnonymousUser()}], ids=["none", "null", "anonymous"]
)
def test_nobody_listens_without_having_signed_in(scope: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        async_to_sync(current_user)(scope)

    assert refused.value.code == SIGN_IN


@pytest.mark.django_db(transaction=True)
def test_who_is_disabled_listens_no_more(owner: User) -> None:
    scope = {"user": owner, "session": SimpleNamespace(session_key=None)}
    async_to_sync(current_user)(scope)
    User.objects.update(is_active=False)

    with pytest.raises(Refused):
        check_log_of(async_to_sync(current_user)(scope), 1)
