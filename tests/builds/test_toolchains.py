"""Which Go is taken for a tree, and how the tree is built."""

from pathlib import Path

import pytest

from webapp.builds.errors import ToolchainError
from webapp.builds.toolchains import (
    Toolchain,
    Tree,
    choose_mode,
    choose_toolchain,
    find_toolchains,
    order,
    read_text,
    wanted_go,
)

TABLE = {"1.36": "1.26"}


def tree(go_version: str = "", go_mod: str = "", *, is_vendored: bool = False) -> Tree:
    return Tree(go_version, go_mod, has_work=False, is_vendored=is_vendored)


@pytest.mark.parametrize(
    ("given", "described", "wanted"),
    [
        (tree("1.25.3", "module m\ngo 1.24\n"), "", "1.25.3"),
        (tree("1." + "9" * 5000, "module m\ngo 1.24\n"), "", "1.24"),
        (tree("", f"module m\ngo 1.{'9' * 5000}\n"), "", ""),
        (tree("", "module m\ngo 1.24\ntoolchain go1.25.1\n"), "", "1.25.1"),
        (tree("", "module k8s.io/kubernetes\ngo 1.25.0\n"), "v1.36.1", "1.26"),
        (tree("", "module other\ngo 1.25.0\n"), "v1.36.1", "1.25.0"),
        (tree("", "module m\n"), "", ""),
        (tree("$(id)", "module m\ngo 1.22\n"), "", "1.22"),
    ],
    ids=["file", "endless file", "endless directive", "toolchain", "table", "directive", "none", "rubbish"],
)
def test_wanted_go_is_what_the_tree_says(given: Tree, described: str, wanted: str) -> None:
    assert wanted_go(given, described, TABLE) == wanted


@pytest.mark.parametrize(
    ("wanted", "taken", "warns"),
    [
        ("1.25.3", "1.25.3", False),
        ("1.25.1", "1.25.7", False),
        ("1.24", "1.25.7", True),
        ("", "1.27.0", True),
    ],
)
def test_choose_takes_the_nearest(wanted: str, taken: str, warns: bool) -> None:
    here = [Toolchain(version, Path("/x")) for version in ("1.27.0", "1.25.3", "1.25.7")]

    choice = choose_toolchain(wanted, here)

    assert (choice.toolchain.version, bool(choice.warning)) == (taken, warns)


def test_choose_says_what_is_missing() -> None:
    with pytest.raises(ToolchainError, match=r"Go 1\.28 is wanted; here is only 1\.27\.0"):
        choose_toolchain("1.28", [Toolchain("1.27.0", Path("/x"))])
    with pytest.raises(ToolchainError, match="no Go here"):
        choose_toolchain("1.28", [])


def test_release_candidate_comes_before_its_release() -> None:
    assert order("1.27rc1") < order("1.27.0") < order("go1.27.3")


@pytest.mark.parametrize(
    ("given", "go", "flags", "is_gopath"),
    [
        (tree("", "module m\ngo 1.22\n", is_vendored=True), "1.27.0", ("-mod=vendor",), False),
        (tree("", "module m\ngo 1.22\n"), "1.27.0", ("-mod=readonly",), False),
        (tree("", "module k8s.io/kubernetes\ngo 1.15\n", is_vendored=True), "1.27.0", (), True),
        (
            tree("", "module k8s.io/kubernetes\ngo 1.15\n", is_vendored=True),
            "1.15.9",
            ("-mod=vendor",),
            False,
        ),
    ],
    ids=["vendored", "modules", "old tree", "old tree, old Go"],
)
def test_mode_follows_the_tree(given: Tree, go: str, flags: tuple[str, ...], is_gopath: bool) -> None:
    mode = choose_mode(given, go, "")

    assert (mode.flags, mode.is_gopath) == (flags, is_gopath)
    assert mode.prefix == ("k8s.io/kubernetes/vendor/" if is_gopath else "")


def test_mode_refuses_a_tree_that_is_no_go_program() -> None:
    with pytest.raises(ToolchainError, match="no Go program"):
        choose_mode(tree(), "1.27.0", "")


def test_toolchains_come_from_folder_and_package(tmp_path: Path, go: Toolchain) -> None:
    (tmp_path / "go1.15.9/bin").mkdir(parents=True)
    (tmp_path / "go1.15.9/VERSION").write_text("go1.15.9")
    (tmp_path / "go1.15.9/bin/go").touch()
    (tmp_path / "empty").mkdir()

    assert {toolchain.version for toolchain in find_toolchains(tmp_path, "")} == {"1.15.9", go.version}


def test_text_of_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".go-version").symlink_to("/etc/hostname")

    assert read_text(tmp_path / ".go-version") == ""
