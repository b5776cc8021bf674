"""Lines of a watch: what is news, what is not, and that no line makes the parser raise."""

import copy
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kube import shapes
from webapp.kube.parse import parse_objects
from webapp.kube.refusals import refusal_words, refused_right
from webapp.kube.watching import UNREADABLE, parse_event, tells_news

VERSIONS = ("1.20.2", "1.26.15", "1.30.4", "1.36.1")


def line_of(event: str, item: object) -> str:
    return json.dumps({"type": event, "object": item})


@pytest.mark.parametrize("version", VERSIONS)
def test_object_as_it_was_listed_is_no_news(version: str) -> None:
    known = parse_objects(shapes.listed(version))
    for kind, make in (("nodes", shapes.node), ("pods", shapes.pod), ("requests", shapes.request)):
        same = parse_event(line_of("MODIFIED", make(version)), kind)  # type: ignore[arg-type]

        assert not tells_news(same, kind, known)  # type: ignore[arg-type]


def test_condition_that_turns_is_news() -> None:
    known, node = parse_objects(shapes.listed("1.20.2")), copy.deepcopy(shapes.node("1.20.2"))
    node["status"]["conditions"][0]["status"] = "True"

    assert tells_news(parse_event(line_of("MODIFIED", node), "nodes"), "nodes", known)


@pytest.mark.parametrize(("name", "is_news"), [("winw1", True), ("winw9", False)])
def test_end_of_an_object_is_news_when_it_was_known(name: str, is_news: bool) -> None:
    known, node = parse_objects(shapes.listed("1.36.1")), copy.deepcopy(shapes.node("1.36.1"))
    node["metadata"]["name"] = name

    assert tells_news(parse_event(line_of("DELETED", node), "nodes"), "nodes", known) is is_news


def test_bookmark_only_moves_the_version() -> None:
    event = parse_event(line_of("BOOKMARK", {"metadata": {"resourceVersion": "77"}}), "pods")

    assert (event.version, event.fact) == ("77", None)


def test_error_says_that_the_version_is_forgotten() -> None:
    event = parse_event(line_of("ERROR", {"code": 410, "message": "too old"}), "pods")

    assert (event.is_gone, event.message) == (True, "too old")


@given(st.text(max_size=60), st.sampled_from(["nodes", "pods", "requests"]))
def test_no_line_makes_it_raise(line: str, kind: str) -> None:
    whole = line_of("MODIFIED", shapes.pod("1.36.1"))

    for given_line in (line, whole[: len(line) * 3], f'{{"type": "ADDED", "object": {line}}}'):
        event = parse_event(given_line, kind)  # type: ignore[arg-type]
        assert event == UNREADABLE or event.type in ("ADDED", "MODIFIED")


REFUSALS = {
    "list": (
        'events is forbidden: User "jane" cannot list resource "events" in API group "" at the cluster scope',
        'jane may not list events: ask for the verb "list" on events in a cluster role.',
    ),
    "log": (
        'pods "a" is forbidden: User "system:serviceaccount:d:x" cannot get resource "pods/log" in API group '
        '"" in the namespace "d"',
        "system:serviceaccount:d:x may not get pods/log in the namespace d: "
        'ask for the verb "get" on pods/log there.',
    ),
    "group": (
        'deployments.apps "a" is forbidden: User "jane" cannot patch resource "deployments" in API group '
        '"apps" in the namespace "d"',
        "jane may not patch deployments.apps in the namespace d: "
        'ask for the verb "patch" on deployments.apps there.',
    ),
    "exec": (
        r'b\'{"message":"pods \"a\" is forbidden: User \"jane\" cannot create resource \"pods/exec\" in API '
        r'group \"\" in the namespace \"d\""}\'',
        'jane may not create pods/exec in the namespace d: ask for the verb "create" on pods/exec there.',
    ),
    "other words": ("quota exceeded", "quota exceeded"),
}


@pytest.mark.parametrize(("message", "said"), REFUSALS.values(), ids=REFUSALS)
def test_refusal_says_who_lacks_what_and_what_to_ask_for(message: str, said: str) -> None:
    assert refusal_words(message) == said


def test_refused_signer_names_the_signer() -> None:
    words = refusal_words(
        'certificatesigningrequests.certificates.k8s.io "csr-a" is forbidden: user not permitted to approve '
        'requests with signerName "kubernetes.io/kube-apiserver-client-kubelet"'
    )

    assert "resourceName kubernetes.io/kube-apiserver-client-kubelet" in words
    assert 'verb "approve"' in words


@given(st.text(max_size=200))
def test_no_refusal_makes_it_raise(message: str) -> None:
    assert refused_right(message) is None
    assert refusal_words(message) == message[:300]
