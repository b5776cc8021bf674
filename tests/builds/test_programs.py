"""Trees of other shapes: the root's own program, same names, several packages, a module in a subfolder."""

from pathlib import Path

import pytest

from tests.builds.repository import Repository, commit, git
from webapp.accounts.models import User
from webapp.builds.actions import request_build
from webapp.builds.artifacts import path_of
from webapp.builds.components import add_component
from webapp.builds.errors import RequestError
from webapp.builds.execute import execute_build
from webapp.builds.models import Build
from webapp.builds.programs import find_programs, name_of
from webapp.catalog.components import Component
from webapp.executions.models import Status

STAMP = (("main.version", "{version}"),)


def program(word: str) -> str:
    return f'package main\n\nvar version string\n\nfunc main() {{ println("{word}", version) }}\n'


FILES = {
    "go.mod": "module example.org/tool/v2\n\ngo 1.22\n",
    "main.go": program("word-root"),
    "a/agent/main.go": program("word-first"),
    "b/agent/main.go": program("word-second"),
    "broken/go.mod": "module example.org/broken\n\ngo 1.22\n",
    "broken/main.go": "package main\n\nfunc main() { nothing() }\n",
    "plugins/go.mod": "module example.org/plugins\n\ngo 1.22\n",
    "plugins/cmd/plug/main.go": program("word-plug"),
}


@pytest.fixture(scope="session")
def shapes(open_folder: Path) -> Repository:
    path = open_folder / "shapes"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    made = commit(path, "all", FILES)
    git(path, "tag", "-a", "v2.1.0", "-m", "v2.1.0")
    return Repository(path, {"main": made})


def component(name: str, *packages: str) -> Component:
    return Component(name, "", "", packages, STAMP, targets=("linux/amd64",))


def built(shapes: Repository, settings, by: User, **packages: str) -> Build:  # type: ignore[no-untyped-def]
    """Add a component for each name and package, and build them all at once."""
    url = str(shapes.path)
    settings.BUILD_LOCAL_REPOSITORIES = [url]
    for name, package in packages.items():
        add_component(Component(name, "", url, (package,), STAMP, targets=("linux/amd64",)), by)
    build, _ = request_build(url=url, ref="main", names=list(packages), targets=["linux/amd64"], by=by)
    execute_build(build.pk)
    return build.refreshed()


def words(build: Build) -> dict[str, str]:
    """Return by file name which of the programs it is."""
    found = {}
    for artifact in build.artifacts.all():
        content = path_of(artifact.sha256).read_bytes()
        marks = ("root", "first", "second", "plug")
        found[artifact.file_name] = next(mark for mark in marks if f"word-{mark}".encode() in content)
    return found


@pytest.mark.django_db(transaction=True)
def test_program_in_the_root_is_built(home: Path, shapes: Repository, settings, member: User) -> None:
    build = built(shapes, settings, member, tool=".")

    assert build.status == Status.SUCCEEDED, build.sentence
    assert (words(build), build.version) == ({"tool": "root"}, "v2.1.0")


@pytest.mark.django_db(transaction=True)
def test_programs_of_one_name_do_not_replace_each_other(
    home: Path, shapes: Repository, settings, member: User
) -> None:
    build = built(shapes, settings, member, one="./a/agent", two="./b/agent")

    assert build.status == Status.SUCCEEDED, build.sentence
    assert words(build) == {"one": "first", "two": "second"}


@pytest.mark.django_db(transaction=True)
def test_module_in_a_subfolder_is_built_from_there(
    home: Path, shapes: Repository, settings, member: User
) -> None:
    build = built(shapes, settings, member, plug="./plugins/cmd/plug")

    assert build.status == Status.SUCCEEDED, build.sentence
    assert words(build) == {"plug": "plug"}


@pytest.mark.django_db(transaction=True)
def test_finding_in_a_subfolder_has_its_path_in_the_tree(
    home: Path, shapes: Repository, settings, member: User
) -> None:
    build = built(shapes, settings, member, broken="./broken")

    assert [finding["path"] for finding in build.findings] == ["broken/main.go"], build.sentence


@pytest.mark.parametrize(
    ("packages", "folder", "package"),
    [
        (("./old", "./a/agent"), ".", "./a/agent"),
        (("./plugins/cmd/plug", "./b/agent"), ".", "./b/agent"),
        (("./old", "./plugins/cmd/plug"), "plugins", "./cmd/plug"),
        (("./broken",), "broken", "."),
        ((".",), ".", "."),
    ],
    ids=["first that is there", "main module first", "subfolder", "subfolder root", "root"],
)
def test_several_packages_are_tried_in_their_order(
    shapes: Repository, packages: tuple[str, ...], folder: str, package: str
) -> None:
    found = find_programs(shapes.path, [component("one", *packages)])

    assert (found.folder, found.packages) == (folder, {"one": package})


def test_go_work_makes_a_subfolder_a_part_of_the_tree(tmp_path: Path) -> None:
    for name in ("used", "unused"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "go.mod").write_text("module x\n")
        (tmp_path / name / "main.go").write_text("package main\n")
    (tmp_path / "go.work").write_text("go 1.22\n\nuse (\n\t.\n\t./used // the one\n)\n")

    assert find_programs(tmp_path, [component("one", "./used")]).folder == "."
    assert find_programs(tmp_path, [component("one", "./unused")]).folder == "unused"


def test_link_out_of_the_tree_and_mixed_modules_are_refused(shapes: Repository, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to(shapes.path)
    with pytest.raises(RequestError, match=r"no package \./out/a/agent"):
        find_programs(tmp_path, [component("one", "./out/a/agent")])
    with pytest.raises(RequestError, match="different modules"):
        find_programs(shapes.path, [component("one", "./a/agent"), component("two", "./broken")])


@pytest.mark.parametrize(("package", "name"), [(".", ""), ("./x/v2", ""), ("./cmd/x", "x"), ("./vx", "vx")])
def test_name_is_the_packages_last_part_where_it_tells(package: str, name: str) -> None:
    assert name_of(package) == name
