"""JSON of several releases of the API becomes the same facts; nothing makes the parser raise."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kube import shapes
from webapp.kube.facts import KubeFacts
from webapp.kube.parse import parse_objects, requested_node
from webapp.kube.stored import from_json, to_json

RECORDED = Path(__file__).parent / "recorded"
VERSIONS = ("1.20.2", "1.26.15", "1.30.4", "1.36.1")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def recorded(moment: str) -> KubeFacts:
    return parse_objects(json.loads((RECORDED / f"{moment}.json").read_text()).values())


@pytest.mark.parametrize("version", VERSIONS)
def test_objects_become_the_same_facts_in_each_release(version: str) -> None:
    facts = parse_objects(shapes.listed(version))

    (node,), (request,), (pod,), (event,) = facts.nodes, facts.requests, facts.pods, facts.events
    assert (node.name, node.os, node.build, node.version) == ("winw1", "windows", "20348", f"v{version}")
    assert node.ready is not None
    assert (node.ready.status, node.ready.reason) == ("False", "KubeletNotReady")
    assert (request.node, request.state, request.is_bootstrap) == ("winw1", "pending", True)
    assert (pod.owner, pod.os, pod.is_host_process) == ("DaemonSet calico-node-windows", "windows", True)
    assert (pod.is_ready, pod.restarts, pod.trouble) == (False, 3, "CrashLoopBackOff")
    assert (event.count, event.last_at) == (4, datetime(2026, 11, 22, 14, 25, tzinfo=UTC))
    assert facts.problems == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_token_keeps_no_secret(version: str) -> None:
    facts = parse_objects(shapes.listed(version))

    assert facts.tokens[0].expires_at == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert "0123456789abcdef" not in json.dumps(to_json(facts))


def test_join_is_seen_in_what_a_real_api_server_told() -> None:
    pending, not_ready, ready = map(recorded, ("02-csr-pending", "04-notready", "06-ready"))

    assert [(r.node, r.state) for r in pending.requests] == [("winw1", "pending")]
    assert pending.node("winw1") is None
    assert [(r.node, r.state) for r in not_ready.requests] == [("winw1", "issued")]
    conditions = [facts.node("winw1").ready for facts in (not_ready, ready)]  # type: ignore[union-attr]
    assert [condition.status for condition in conditions if condition] == ["False", "True"]
    assert {pod.app for pod in ready.pods_on("winw1")} >= {"calico-node-windows", "kube-proxy-windows"}


@pytest.mark.parametrize("moment", ["02-csr-pending", "04-notready", "06-ready"])
def test_facts_come_back_from_the_database_as_they_were(moment: str) -> None:
    facts = recorded(moment)

    assert from_json(KubeFacts, json.loads(json.dumps(to_json(facts)))) == facts


@pytest.mark.parametrize(
    "request_text",
    ["", "!", shapes.encoded("no PEM"), shapes.request_of("winw1")[:40], shapes.encoded("system:node:winw1")],
    ids=["empty", "no base64", "no PEM", "cut", "no length"],
)
def test_request_that_cannot_be_read_names_nobody(request_text: str) -> None:
    assert requested_node(request_text) == ""


@given(st.lists(JSON, max_size=3))
def test_no_json_makes_it_raise(documents: list[Any]) -> None:
    facts = parse_objects(documents)

    assert from_json(KubeFacts, to_json(facts)) == facts


def paths(tree: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [at, *(path for key, value in pairs for path in paths(value, (*at, key)))]


@given(st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_no_damage_to_real_objects_makes_it_raise(data: st.DataObject) -> None:
    documents: Any = shapes.listed(data.draw(st.sampled_from(VERSIONS)))
    *way, last = data.draw(st.sampled_from(paths(documents)[1:]))
    place = documents
    for key in way:
        place = place[key]
    place[last] = data.draw(JSON)

    facts = parse_objects(documents)

    assert from_json(KubeFacts, json.loads(json.dumps(to_json(facts)))) == facts


@given(JSON)
def test_condition_that_nobody_told_stays_unknown(status: Any) -> None:
    item = shapes.node("1.36.1")
    item["status"]["conditions"][0]["status"] = status

    (node,) = parse_objects([item]).nodes

    assert node.ready is not None
    assert node.ready.status == (status if status in ("True", "False", "Unknown") else "")
