"""Where the tests' builds happen: a folder that everybody may enter, one Go cache, a stack that builds."""

import atexit
import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.builds.repository import Repository
from tests.stack import Stack


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """Yield a folder that the user who compiles can enter; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="lab-builds-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@cache
def go_cache() -> Path:
    """Return the cache of this test process: Go's own library is compiled once."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(open_folder())


def make_home(home: Path) -> Path:
    """Make a BUILD_HOME that shares the Go cache."""
    home.mkdir(parents=True)
    (home / "cache").symlink_to(go_cache())
    return home


@contextlib.contextmanager
def building_stack(var: Path, repository: Repository, **settings: str) -> Iterator[Stack]:
    """Run the real stack, which may build this repository and soon gives a lost worker up."""
    allowed = {
        "BUILD_LOCAL_REPOSITORIES": str(repository.path),
        "BUILD_FREE_DISK_MIB": "10",
        "BUILD_FREE_MEMORY_MIB": "10",
        "LAB_LOST_AFTER_S": "6",
    }
    stack = Stack(var, extra_env={**allowed, **settings})
    try:
        yield stack.start()
    finally:
        stack.stop()
