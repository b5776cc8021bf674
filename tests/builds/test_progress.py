"""How far a build is, over several go builds that share most packages."""

from dataclasses import dataclass

import pytest

from webapp.builds.progress import Progress

SHARED = [f"k8s.io/lib/{number}" for number in range(98)]


@dataclass
class Counted:
    packages: list[str]


def go_build(progress: Progress, kind: str, program: str, named: list[str]) -> tuple[int, int]:
    """Let a go build of one program name what it compiles; return the progress just before its end."""
    progress.begin(kind, named, Counted([*SHARED, program]))
    seen = progress.now()
    progress.end()
    return seen


@pytest.mark.parametrize(
    ("kind", "total"),
    [("windows amd64", 100), ("linux amd64", 198), ("windows amd64 -tags x", 198)],
    ids=["stamped differently", "another target", "other tags"],
)
def test_shared_packages_count_once_for_a_target_and_its_tags(kind: str, total: int) -> None:
    progress = Progress(0)
    assert go_build(progress, "windows amd64", "cmd/kubelet", SHARED) == (98, 99)

    done, seen_total = go_build(progress, kind, "cmd/shim", ["cmd/shim"])

    assert (done, seen_total) == (100, total)
    assert progress.whole() == total
    assert progress.now() == (total, total)


def test_total_is_unknown_until_it_is_counted() -> None:
    progress, counted = Progress(0), Counted([])
    progress.begin("windows amd64", ["a"], counted)
    assert progress.now() == (1, 0)

    counted.packages = ["a", "b"]

    assert progress.now() == (1, 2)


def test_usual_total_holds_although_little_is_compiled() -> None:
    progress = Progress(200)

    assert go_build(progress, "windows amd64", "cmd/kubelet", ["cmd/kubelet"]) == (1, 200)
    assert (progress.whole(), progress.now()) == (200, (200, 200))
