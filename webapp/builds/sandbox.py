"""Who compiles, and with what: an unprivileged user where the worker is root, a closed environment."""

import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from webapp.builds.errors import ToolchainError

PASSED_ON = (
    "GOPROXY",
    "GONOSUMDB",
    "GONOSUMCHECK",
    "GOSUMDB",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)


@dataclass(frozen=True)
class Builder:
    """The user who compiles; None where it is the worker's own."""

    user: pwd.struct_passwd | None

    @property
    def prefix(self) -> list[str]:
        """Return what stands before a command, so that it runs as this user and can never gain rights."""
        if self.user is None:
            return []
        ids = ["--reuid", str(self.user.pw_uid), "--regid", str(self.user.pw_gid)]
        return ["setpriv", *ids, "--clear-groups", "--no-new-privs"]

    def make_folder(self, path: Path) -> Path:
        """Make a folder that this user may write to."""
        path.mkdir(parents=True, exist_ok=True)
        if self.user is not None and path.stat().st_uid != self.user.pw_uid:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        return path

    def require_entry(self, path: Path, setting: str) -> None:
        """Raise ToolchainError when this user cannot reach a folder."""
        if self.user is None:
            return
        closed = next((p for p in (path, *path.parents) if p.exists() and not self.may_enter(p)), None)
        if closed:
            raise ToolchainError(
                f"{self.user.pw_name}, who compiles, cannot enter {closed}: open it (chmod o+x), "
                f"or set {setting} or BUILD_USER."
            )

    def may_enter(self, folder: Path) -> bool:
        """Tell whether the mode lets this user through, as the kernel would."""
        assert self.user is not None
        found = folder.stat()
        if found.st_uid == self.user.pw_uid:
            return bool(found.st_mode & stat.S_IXUSR)
        if found.st_gid == self.user.pw_gid:
            return bool(found.st_mode & stat.S_IXGRP)
        return bool(found.st_mode & stat.S_IXOTH)


def builder_user(name: str) -> Builder:
    """Return who compiles: `name` where this process is root, else this process's own user."""
    if os.geteuid() != 0 or name == "root":
        return Builder(None)
    if shutil.which("setpriv") is None:
        raise ToolchainError("setpriv (util-linux) is missing: a worker that is root needs it for builds.")
    try:
        return Builder(pwd.getpwnam(name))
    except KeyError:
        raise ToolchainError(f"BUILD_USER={name} is no user of the builds' host.") from None


def go_env(home: Path, work: Path, go_root: Path) -> dict[str, str]:
    """Return all that go gets to know; `home` holds the caches that builds share."""
    return {
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        "PATH": f"{go_root / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(work / "home"),
        "TMPDIR": str(work / "tmp"),
        "LC_ALL": "C",
        "GOROOT": str(go_root),
        "GOCACHE": str(home / "cache" / "build"),
        "GOMODCACHE": str(home / "cache" / "modules"),
        "GOPATH": str(work / "gopath"),
        "GOENV": "off",
        "GOFLAGS": "",
        "GOTOOLCHAIN": "local",
        "GOTELEMETRY": "off",
    }
