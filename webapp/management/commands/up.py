"""`make up`: the whole dashboard on this machine, in the foreground, until Ctrl-C."""

import contextlib
import fcntl
import os
import pwd
import resource
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from webapp.accounts.actions import create_user
from webapp.accounts.first_run import is_first_run
from webapp.accounts.models import Role
from webapp.management.processes import (
    Program,
    beat_program,
    redis_program,
    shells_program,
    web_program,
    worker_program,
    write_supervisord,
)
from webapp.management.redis_server import NoRedis, choose_redis
from webapp.management.supervise import supervise

ADMINISTRATOR = "admin"
ANSWER_WITHIN_S = 90
MOST_FILES = 65536


class Command(BaseCommand):
    """Migrate, start Redis, web, worker, terminals and beat, print the address."""

    help = "Run the whole dashboard here, in the foreground."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", default=os.environ.get("PORT") or "8000")
        parser.add_argument("--bind", default=os.environ.get("BIND") or "127.0.0.1")

    def handle(self, *_args: Any, **options: Any) -> None:
        bind, port = options["bind"], read_port(options["port"])
        folder = Path(settings.VAR_DIR) / "up"
        folder.mkdir(parents=True, exist_ok=True)
        Path(settings.STATIC_ROOT).mkdir(exist_ok=True)  # WhiteNoise warns of a missing one
        with only_one(folder / "lock"):
            refuse_used_port(bind, port)
            self.migrate()
            os.environ["CELERY_SKIP_CHECKS"] = "1"  # made here; a worker would load all views
            config = write_config(folder, choose_programs(bind, port))
            self.supervise(config, bind, port)

    def migrate(self) -> None:
        try:
            keep_private(settings.DATABASES["default"]["NAME"])
            call_command("migrate", interactive=False, verbosity=0)
        except DatabaseError as error:
            first = (str(error) or type(error).__name__).splitlines()[0]
            raise CommandError(f"The database cannot be brought up to date: {first}") from error

    def supervise(self, config: Path, bind: str, port: int) -> None:
        def when_started(child: subprocess.Popen[bytes]) -> None:
            address = f"http://{reachable(bind)}:{port}/"
            if wait_for_answer(address, child):
                self.stdout.write(welcome(address))
                self.stdout.flush()

        code = supervise(config, when_started)
        if code != 0:
            raise CommandError(f"The supervisor ended with exit code {code}.", returncode=1)
        self.stdout.write("Everything has ended.")


def keep_private(database: str | Path) -> None:
    """Let nobody else here read SQLite's files: they hold sessions, sealed secrets, logs."""
    path = Path(database)
    if not path.is_absolute():  # PostgreSQL: a name
        return
    with contextlib.suppress(OSError):  # of somebody else's, or not to be written: migrating says so better
        path.touch(mode=0o600)
        for one in path.parent.glob(f"{path.name}*"):
            one.chmod(0o600)


def reachable(bind: str) -> str:
    """Return where this machine reaches what listens on `bind`, as an address spells it."""
    if bind in {"0.0.0.0", "::"}:  # noqa: S104 (a comparison)
        return "127.0.0.1"
    return f"[{bind}]" if ":" in bind else bind


def welcome(address: str) -> str:
    """Make the first administrator if there is nobody; return what the terminal shows."""
    lines = ["", f"SIG-Windows Lab is at {address} (Ctrl-C ends it)"]
    if is_first_run():
        _, password = create_user(username=ADMINISTRATOR, role=Role.ADMINISTRATOR, by=None)
        lines.append(f"Sign in as {ADMINISTRATOR} with the password {password} (shown this once; change it).")
    return "\n".join([*lines, ""])


def read_port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise CommandError(f"PORT={text} is no port; write a number from 1 to 65535.")


def refuse_used_port(bind: str, port: int) -> None:
    """Say in one sentence what uvicorn would say in many, and before anything is started."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(bind, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise CommandError(
            f"Port {port} of {bind} cannot be used ({reason}); take another: PORT=8001 make up."
        ) from None


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock of this VAR_DIR: two sets of processes on one database folder would fight."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(f"The dashboard of {path.parent.parent} is running already.") from None
        yield


def choose_programs(bind: str, port: int) -> list[Program]:
    """Return what to run; children inherit REDIS_URL from this process's environment."""
    programs = [
        web_program(bind, port, trust_proxy=settings.TRUST_PROXY),
        worker_program(settings.LAB_HOST),
        shells_program(),
        beat_program(Path(settings.VAR_DIR)),
    ]
    if os.environ.get("REDIS_URL"):
        return programs
    try:
        server = choose_redis(Path(settings.VAR_DIR) / "redis")
    except NoRedis as error:
        raise CommandError(str(error)) from error
    os.environ["REDIS_URL"] = server.url
    return [redis_program(server.command), *programs]


def write_config(folder: Path, programs: list[Program]) -> Path:
    """Write supervisord's configuration and return its path."""
    files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], MOST_FILES)
    user = pwd.getpwuid(0).pw_name if os.geteuid() == 0 else ""
    path = folder / "supervisord.conf"
    path.write_text(write_supervisord(programs, folder, Path(settings.BASE_DIR), files, user))
    return path


def wait_for_answer(address: str, child: subprocess.Popen[bytes]) -> bool:
    """Wait until the web process answers; False if everything has been ended meanwhile."""
    end = time.monotonic() + ANSWER_WITHIN_S
    while child.poll() is None:
        if answers(f"{address}healthz"):
            return True
        if time.monotonic() > end:
            raise CommandError(
                f"the web process has not answered within {ANSWER_WITHIN_S} s; its words stand above."
            )
        time.sleep(0.1)
    return False


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310 (an address of our own)
            return True
    except urllib.error.HTTPError:
        return True  # an answer all the same: ALLOWED_HOSTS may leave 127.0.0.1 out
    except OSError:
        return False
