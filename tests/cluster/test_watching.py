"""An attached cluster is watched while somebody has a page open; every odd end of a watch is survived."""

import copy
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.cluster.api_server import Api
from tests.stack import wait_until
from webapp.accounts.models import User
from webapp.cluster import attached_look
from webapp.cluster.actions import attach_cluster
from webapp.cluster.attached import Listing, client_of, list_all
from webapp.cluster.attached_look import held, look_once, take_turn
from webapp.cluster.models import Change, Cluster, Sighting
from webapp.cluster.queries import attached_page
from webapp.cluster.watching import WatchEnd, watch

LISTS = 6
LONG_S = 20.0  # a watch that ends only by what is tested


@pytest.fixture
def cluster(api: Api, owner: User) -> Cluster:
    """An attached cluster whose page is open."""
    cluster = attach_cluster("of a colleague", api.kubeconfig, owner)
    Cluster.objects.filter(pk=cluster.pk).update(watched_at=timezone.now())
    api.asked.clear()
    return cluster


def row_of(cluster: Cluster) -> Sighting:
    return Sighting.objects.select_related("cluster__lab").get(cluster=cluster, machine="")


def later(is_so: Callable[[], object], act: Callable[[], object]) -> threading.Thread:
    """Act as somebody else, as soon as something is so."""
    thread = threading.Thread(target=lambda: (wait_until(is_so, LONG_S), act()), daemon=True)
    thread.start()
    return thread


def ready(api: Api) -> dict[str, Any]:
    node = copy.deepcopy(api.objects["nodes"][0])
    node["status"]["conditions"][0].update(status="True", reason="KubeletReady", message="")
    return node


def watched(
    cluster: Cluster, seconds: float = LONG_S, is_ours: Callable[[], bool] = lambda: True
) -> tuple[WatchEnd, Listing]:
    listing = list_all(cluster)
    with client_of(cluster) as api:
        return watch(api, listing, seconds, is_ours), listing


def is_watched(api: Api, kinds: int = 3) -> Callable[[], bool]:
    return lambda: api.watching >= kinds


# -- the watch itself -----------------------------------------------------------------


def test_node_that_becomes_ready_is_news_at_once(cluster: Cluster, api: Api) -> None:
    acts = later(is_watched(api), lambda: api.tell("nodes", "MODIFIED", ready(api)))

    end, _ = watched(cluster)

    acts.join()
    assert end == WatchEnd(has_news=True)
    wait_until(lambda: api.watching == 0, LONG_S)


@pytest.mark.parametrize("event", ["ADDED", "DELETED"])
def test_pod_that_comes_or_goes_is_news(cluster: Cluster, api: Api, event: str) -> None:
    pod = copy.deepcopy(api.objects["pods"][0])
    if event == "ADDED":
        pod["metadata"]["name"] = "another"
    later(is_watched(api), lambda: api.tell("pods", event, pod))

    assert watched(cluster)[0].has_news


def test_heartbeat_is_no_news(cluster: Cluster, api: Api) -> None:
    node = copy.deepcopy(api.objects["nodes"][0])
    node["status"]["conditions"][0]["lastHeartbeatTime"] = "2026-11-22T15:00:00Z"
    later(is_watched(api), lambda: api.tell("nodes", "MODIFIED", node))

    end, _ = watched(cluster, seconds=1.5)

    assert end == WatchEnd()


def test_watch_goes_on_where_it_was_cut_in_mid_line(cluster: Cluster, api: Api) -> None:
    api.mood = {"watch nodes": "cut"}
    later(is_watched(api), lambda: api.tell("nodes", "MODIFIED", ready(api)))

    end, listing = watched(cluster)

    assert end.has_news
    asked = [path for _, path in api.asked if "nodes?watch" in path]
    assert len(asked) == 2
    assert all(f"resourceVersion={listing.versions['nodes']}" in path for path in asked)


@pytest.mark.parametrize("mood", ["gone", "gone-http"])
def test_version_that_is_forgotten_means_listing_anew(cluster: Cluster, api: Api, mood: str) -> None:
    api.mood = {"watch pods": mood}

    assert watched(cluster)[0].has_news


def test_kind_that_may_not_be_watched_says_who_lacks_what(cluster: Cluster, api: Api) -> None:
    api.forbidden = {("watch", "pods")}
    later(is_watched(api, 2), lambda: api.tell("nodes", "MODIFIED", ready(api)))

    end, _ = watched(cluster)

    assert end.has_news
    assert 'jane may not watch pods: ask for the verb "watch" on pods' in end.refused["pods"]


@pytest.mark.parametrize(("mood", "wait_s"), [("429", 7), ("503", 0)])
def test_busy_api_is_left_alone_as_long_as_it_wants(
    cluster: Cluster, api: Api, mood: str, wait_s: int
) -> None:
    api.mood, api.retry_after = {"watch nodes": mood}, wait_s

    end, _ = watched(cluster)

    assert (end.has_news, end.wait_s) == (False, wait_s or 5.0)
    wait_until(lambda: api.watching == 0, LONG_S)


def test_watch_ends_when_its_turn_is_taken_by_another(cluster: Cluster, api: Api) -> None:
    end, _ = watched(cluster, is_ours=lambda: api.watching < 3)

    assert end == WatchEnd()
    wait_until(lambda: api.watching == 0, LONG_S)


def test_watch_that_is_not_answered_ends_without_a_word(cluster: Cluster, api: Api) -> None:
    api.mood = {"watch *": "slow"}

    assert watched(cluster, seconds=0.5)[0] == WatchEnd()


def test_api_that_ends_every_stream_at_once_is_not_pressed(cluster: Cluster, api: Api) -> None:
    api.mood = {"watch *": "closed"}

    end, _ = watched(cluster, seconds=1.0)

    assert end == WatchEnd()
    assert 3 <= sum("watch" in path for _, path in api.asked) <= 9


# -- a whole turn ---------------------------------------------------------------------


def test_change_is_recorded_within_the_turn(cluster: Cluster, api: Api) -> None:
    later(is_watched(api), lambda: api.tell("nodes", "MODIFIED", ready(api)))

    take_turn(row_of(cluster).pk)

    (ladder,) = attached_page(cluster).ladders
    assert ladder.rung("ready").state == "done"  # type: ignore[union-attr]
    assert api.most_watching <= 3


def test_turn_without_news_looks_once_and_writes_no_change(
    cluster: Cluster, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached_look, "WATCH_S", 1.5)
    take_turn(row_of(cluster).pk)
    before = row_of(cluster)
    changes = Change.objects.count()
    api.asked.clear()

    take_turn(before.pk)

    after = row_of(cluster)
    assert (after.changed_at, after.facts, Change.objects.count()) == (
        before.changed_at,
        before.facts,
        changes,
    )
    assert sum("watch" not in path for _, path in api.asked) == LISTS
    assert after.next_look_at - timezone.now() < timedelta(seconds=5)


def test_nothing_is_watched_while_nobody_looks(cluster: Cluster, api: Api) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(watched_at=None)

    take_turn(row_of(cluster).pk)

    assert [path for _, path in api.asked if "watch" in path] == []


def test_looks_of_a_turn_are_bounded_however_much_changes(cluster: Cluster, api: Api) -> None:
    api.mood = {"watch *": "gone"}

    take_turn(row_of(cluster).pk)

    listed = [path for _, path in api.asked if path.startswith("/api/v1/nodes") and "watch" not in path]
    assert 2 <= len(listed) <= attached_look.MOST_LOOKS


def test_refused_watch_is_told_once_and_forgotten_when_allowed(cluster: Cluster, api: Api) -> None:
    api.forbidden = {("watch", "pods"), ("watch", "nodes"), ("watch", "certificatesigningrequests")}
    take_turn(row_of(cluster).pk)
    told = row_of(cluster)
    take_turn(told.pk)

    assert "jane may not watch pods" in attached_page(cluster).polled
    assert row_of(cluster).changed_at == told.changed_at
    api.forbidden = set()
    take_turn(told.pk)
    assert attached_page(cluster).polled == ""


@pytest.mark.parametrize("mood", ["429", "503"])
@pytest.mark.parametrize("which", ["*", "pods", "watch pods"])
def test_next_look_waits_as_long_as_the_api_wants(cluster: Cluster, api: Api, mood: str, which: str) -> None:
    api.mood, api.retry_after = {which: mood}, 25

    take_turn(row_of(cluster).pk)

    row = row_of(cluster)
    assert row.next_look_at - timezone.now() > timedelta(seconds=15)
    assert "left alone for 25 s" in f"{row.problem} {row.polled} {attached_page(cluster).kube.problems}"


def test_row_that_another_has_taken_is_left_to_them(cluster: Cluster) -> None:
    row, now = row_of(cluster), timezone.now()

    with held(row, due=now - timedelta(hours=1), turn_due=now) as mine:
        assert mine is None
    assert row_of(cluster).next_look_at == row.next_look_at


def test_look_says_what_a_listing_lacked(cluster: Cluster, api: Api) -> None:
    api.forbidden = {("list", "events")}

    _, listing = look_once(row_of(cluster))

    assert listing is not None
    assert listing.facts.missing == ("events",)
    assert 'events: 403 Forbidden: jane may not list events: ask for the verb "list"' in str(
        listing.facts.problems
    )
