"""What `make up` runs and how: one list of processes, written as supervisord's configuration. Pure."""

import shlex
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

# A run's child gets INT, TERM, KILL, 10 s apart (docs/driver.md); then the walker stores its last words.
WORKER_STOP_S = 45
SOCKET_PROTOCOL = "webapp.ws.protocol:FrameProtocol"
FIRST_TO_START, REST = 1, 10  # supervisord stops in the opposite order: Redis last

SUPERVISORD = """\
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
loglevel=warn
pidfile={folder}/supervisord.pid
childlogdir={folder}
minfds={files}
{user}
[group:lab]
programs={grouped}
priority={rest}
"""
PROGRAM = """\

[program:{name}]
command={command}
directory={directory}
priority={priority}
autorestart=true
startsecs=2
startretries=1000
stopsignal=TERM
stopwaitsecs={stop_s}
killasgroup=true
redirect_stderr=true
stdout_logfile=/dev/fd/1
stdout_logfile_maxbytes=0
"""


@dataclass(frozen=True)
class Program:
    """One process that is started again whenever it ends. `stop_s`: seconds from TERM to KILL."""

    name: str
    command: Sequence[str]
    stop_s: int = 10
    priority: int = REST


def web_program(bind: str, port: int, *, trust_proxy: bool) -> Program:
    """uvicorn; compression is off for sockets: with it, the live log sends 1/36 as many lines."""
    options = ["--host", bind, "--port", str(port), "--workers", "1", "--ws", SOCKET_PROTOCOL]
    quiet = [
        "--ws-per-message-deflate",
        "false",
        "--log-level",
        "warning",
        "--timeout-graceful-shutdown",
        "3",
    ]
    # Left alone, uvicorn believes the addresses that 127.0.0.1 names: any, so that none is ever locked out.
    proxy = ["--proxy-headers" if trust_proxy else "--no-proxy-headers"]
    server = [sys.executable, "-m", "uvicorn", "webapp.asgi:application"]
    return Program("web", [*server, *options, *quiet, *proxy])


def worker_program(lab_host: str) -> Program:
    """One Celery worker: its own host's queue, and what any worker may do."""
    celery = [*celery_command("webapp"), "worker", "-P", "threads", "-c", "32"]
    queues = ["-Q", f"default,builds,host-{lab_host}", "-n", f"{lab_host}@%h"]
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    return Program("worker", [*celery, *queues, *quiet], stop_s=WORKER_STOP_S)


def shells_program() -> Program:
    """The terminals' process: apart from the web, so that shells outlive its restarts."""
    return Program("shells", [sys.executable, "manage.py", "shells"])


def beat_program(var_dir: Path) -> Program:
    beat = [*celery_command("webapp.clock"), "beat", "--loglevel", "WARNING"]
    return Program("beat", [*beat, "--schedule", str(var_dir / "celerybeat-schedule")])


def celery_command(application: str) -> list[str]:
    """Return celery without its banner and its word to root: a hypervisor may want root."""
    return [
        sys.executable,
        "-W",
        "ignore:You're running the worker",
        "-m",
        "celery",
        "--quiet",
        "-A",
        application,
    ]


def redis_program(command: Sequence[str]) -> Program:
    return Program("redis", command, priority=FIRST_TO_START)


def write_supervisord(
    programs: Iterable[Program], folder: Path, directory: Path, files: int, user: str
) -> str:
    """Return supervisord's configuration. `files`: open files a process may have; `user`: "" but for root."""
    programs = list(programs)
    head = SUPERVISORD.format(
        folder=escape(folder),
        files=files,
        user=f"user={user}" if user else "",
        grouped=",".join(program.name for program in programs if program.priority == REST),
        rest=REST,
    )
    return head + "".join(write_program(program, directory) for program in programs)


def write_program(program: Program, directory: Path) -> str:
    return PROGRAM.format(
        name=program.name,
        command=escape(shlex.join(program.command)),
        directory=escape(directory),
        priority=program.priority,
        stop_s=program.stop_s,
    )


def escape(value: object) -> str:
    """supervisord expands %(name)s; a percent sign that is meant is doubled."""
    return str(value).replace("%", "%%")
