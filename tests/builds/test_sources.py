"""What a user may name: hostile refs and addresses are refused before anything runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.builds.errors import RequestError
from webapp.builds.sources import candidates, check_ref, check_url, choose, forge_link, redact_url

HOSTS = ["github.com"]


@pytest.mark.parametrize(
    ("ref", "word"),
    [
        ("", "Name a branch"),
        ("-upload-pack=/bin/sh", "option"),
        ("--output=x", "option"),
        ("a b", "space"),
        ("a\nb", "control"),
        ("a\x00b", "control"),
        ("a..b", "expressions"),
        ("main@{1}", "expressions"),
        ("refs/heads/*", "allowed"),
        ("a;rm -rf", "space"),
        ("a$(id)", "allowed"),
        ("a^{}", "allowed"),
        ("a//b", "part"),
        ("a/.hidden", "part"),
        ("x.lock", "part"),
        ("x" * 201, "at most"),
        ("bäum", "allowed"),
    ],
)
def test_ref_is_refused_with_a_sentence(ref: str, word: str) -> None:
    with pytest.raises(RequestError, match=word):
        check_ref(ref)


@pytest.mark.parametrize(
    "ref",
    ["master", "v1.36.1", "release-1.36", "pull/7", "refs/pull/7/merge", "a" * 40, "v1.30+k3s1", "fix/#12"],
)
def test_ref_is_taken_as_it_is(ref: str) -> None:
    assert check_ref(f" {ref} ") == ref


@given(st.text(max_size=60))
def test_ref_that_is_taken_is_never_an_option_or_a_pattern(text: str) -> None:
    try:
        ref = check_ref(text)
    except RequestError:
        return

    assert not ref.startswith("-") and not set(ref) & set(" *?[\\^~:$`'\"<>|;&(){}\n\0") and ".." not in ref


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("", "one address"),
        ("file:///etc", "https"),
        ("ext::sh -c id", "one address"),
        ("ext::sh", "https"),
        ("http://github.com/a/b", "https"),
        ("ssh://git@github.com/a/b", "https"),
        ("git@github.com:a/b.git", "https"),
        ("https://me:secret@github.com/a/b", "user and password"),
        ("https://evil.example/a/b", "list"),
        ("https://github.com:8443/a/b", "list"),
        ("https://github.com.evil.example/a/b", "list"),
        ("https://github.com/a/../b", "plain names"),
        ("https://github.com/a/-b", "plain names"),
        ("https://github.com/a/b?x=1", "plain names"),
        ("https://github.com", "plain names"),
        ("/etc", "administrator"),
        ("/srv/k/../../etc", "administrator"),
        ("--upload-pack=x", "one address"),
        ("https://[::1/a", "read"),
    ],
)
def test_address_is_refused_with_a_sentence(url: str, word: str) -> None:
    with pytest.raises(RequestError, match=word) as caught:
        check_url(url, HOSTS, ["/srv/k"])

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://github.com/me/kubernetes.git", "https://github.com/me/kubernetes.git"),
        ("https://GitHub.com/me/k/", "https://github.com/me/k"),
        ("/srv/k/", "/srv/k"),
    ],
)
def test_address_is_taken_in_its_one_form(url: str, kept: str) -> None:
    assert check_url(url, HOSTS, ["/srv/k"]).url == kept


def test_choose_takes_tag_before_branch_and_peels_it() -> None:
    lines = [("a" * 40, "refs/heads/v1"), ("b" * 40, "refs/tags/v1"), ("c" * 40, "refs/tags/v1^{}")]

    assert choose("v1", lines) == ("c" * 40, "refs/tags/v1")
    assert choose("heads/v1", lines) is None
    assert candidates("pull/7") == ("refs/pull/7/head",)


def test_redact_url_takes_credentials_out() -> None:
    assert redact_url("fatal: https://me:pw@github.com/a: no") == "fatal: https://[redacted]@github.com/a: no"


def test_forge_link_names_file_and_line() -> None:
    link = forge_link("https://github.com/a/b.git", "f" * 40, "cmd/x.go", 7)

    assert link == f"https://github.com/a/b/blob/{'f' * 40}/cmd/x.go#L7"
    assert forge_link("/srv/k", "f" * 40, "x.go") == ""
