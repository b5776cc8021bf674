"""Who may open which socket, asked anew each time: rights and sessions end while sockets are open."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from channels.auth import get_user
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from webapp import nudges
from webapp.accounts.models import User
from webapp.builds.models import Build
from webapp.cluster.models import Cluster, NodeLog
from webapp.labs.access import can
from webapp.labs.models import Lab
from webapp.runs.models import Run

LISTS = {"labs": "lab.see", "hosts": "host.see", "builds": "build.see", "clusters": "cluster.see"}
SIGN_IN, NO_RIGHT, NOT_THERE = 4401, 4403, 4404

Scope = Mapping[str, Any]  # Any: an ASGI scope


class Refused(Exception):
    """The socket has to be closed with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


async def current_user(scope: Scope) -> User:
    """Return who is signed in now: the session is read again, so that signing out counts. Raises Refused."""
    user = scope.get("user") or AnonymousUser()
    if not user.is_authenticated:
        raise Refused(SIGN_IN)
    session_key = getattr(scope.get("session"), "session_key", None)
    if session_key is None:  # a caller that brought its user along
        found = await database_sync_to_async(User.objects.filter(pk=cast(int, user.pk)).first)()
    else:
        store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
        found = await get_user({"session": store})
    if found is None or not found.is_authenticated:
        raise Refused(SIGN_IN)
    return cast(User, found)


async def check_log(scope: Scope, log_id: int) -> None:
    """Raises Refused."""
    await database_sync_to_async(check_log_of)(await current_user(scope), log_id)


def check_log_of(user: User, log_id: int) -> None:
    run = Run.objects.select_related("lab").prefetch_related("lab__members").filter(log_id=log_id).first()
    node_log = NodeLog.objects.select_related("cluster__lab").filter(log_id=log_id).first()
    if run is None and node_log is not None:
        lab = node_log.cluster.lab
        if not can(user, "lab.see" if lab is not None else "cluster.see", lab):
            raise Refused(NO_RIGHT)
        return
    if run is None and not Build.objects.filter(log_id=log_id).exists():
        raise Refused(NOT_THERE)
    if not (can(user, "lab.see", run.lab) if run is not None else can(user, "build.see")):
        raise Refused(NO_RIGHT)


async def groups_for(scope: Scope, topics: list[str]) -> list[str]:
    """Return the groups of `labs`, `lab-3`, `cluster-3` … Raises Refused if one is out of reach."""
    user = await current_user(scope)
    return list(await database_sync_to_async(lambda: [group_for(user, topic) for topic in topics])())


def group_for(user: User, topic: str) -> str:
    if topic in LISTS:
        if not can(user, LISTS[topic]):
            raise Refused(NO_RIGHT)
        return topic
    kind, _, number = topic.partition("-")
    is_number = number.isascii() and number.isdecimal() and len(number) < 19
    if kind == "cluster" and is_number:
        return cluster_group_for(user, int(number))
    lab = None
    if kind == "lab" and is_number:
        lab = Lab.objects.prefetch_related("members").filter(pk=int(number)).first()
    if lab is None:
        raise Refused(NOT_THERE)
    if not can(user, "lab.see", lab):
        raise Refused(NO_RIGHT)
    return nudges.lab_group(lab.pk)


def cluster_group_for(user: User, pk: int) -> str:
    """Return the group of a cluster: an attached one, or a lab's own by the lab's right."""
    found = Cluster.objects.select_related("lab").prefetch_related("lab__members").filter(pk=pk).first()
    if found is None:
        raise Refused(NOT_THERE)
    if not (can(user, "cluster.see") if found.lab is None else can(user, "lab.see", found.lab)):
        raise Refused(NO_RIGHT)
    return nudges.cluster_group(pk)
