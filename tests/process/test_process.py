"""A child below its keeper: what it says, how it ends, how it is stopped."""

import os
import signal
import stat
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.process.children import ENV, Start, is_gone, read_to_end, read_until, wait_until
from webapp.process import Scratch, capture, start_child
from webapp.spool import Exit, SpoolError

STUBBORN = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda got, _: print("ignored", got))
print("ready")
while True:
    time.sleep(1)
"""
LAST_WORDS = """
import signal, sys, time
def leave(*_):
    print("waiting for cleanup")
    print("cleaned up", end="")
    sys.exit(7)
signal.signal(signal.SIGINT, leave)
print("ready")
time.sleep(60)
"""
# A shell that is ended by the first signal, with a grandchild in its group that ignores all but KILL.
FAMILY = """
import os, signal, time
if os.fork() == 0:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(f"grandchild {os.getpid()} ready")
    time.sleep(60)
time.sleep(60)
"""
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(f"daemon {os.getpid()} ready")
        time.sleep(60)
    os._exit(0)
os.wait()
time.sleep(%s)
"""


@pytest.mark.parametrize(
    ("program", "said", "ended"),
    [
        pytest.param("print('hello')", b"hello\n", Exit(0, None, stopped=False), id="succeeds"),
        pytest.param("import os; os._exit(3)", b"", Exit(3, None, stopped=False), id="fails"),
        pytest.param("import os; os.kill(os.getpid(), 9)", b"", Exit(None, 9, stopped=False), id="killed"),
        pytest.param(
            "print('no newline', end='')", b"no newline", Exit(0, None, stopped=False), id="no-newline"
        ),
        pytest.param(
            "import os; os.close(1); os.close(2)", b"", Exit(0, None, stopped=False), id="closes-output"
        ),
    ],
)
def test_a_child_is_read_to_its_end_when_it_ends_by_itself(
    start: Start, program: str, said: bytes, ended: Exit
) -> None:
    child = start(program)

    assert read_to_end(child) == (said, ended)
    assert child.offset == len(said)


def test_both_streams_arrive_in_the_order_of_writing(start: Start) -> None:
    program = "import os\nfor i in range(500): os.write(1 + i % 2, f'{i} '.encode())"

    said, _ = read_to_end(start(program))

    assert [int(word) for word in said.split()] == list(range(500))


def test_a_program_that_does_not_exist_is_refused_before_anything_starts(spool: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no program nothing-like-this"):
        start_child(["nothing-like-this"], cwd=tmp_path, env=ENV, spool=spool)


def test_a_spool_is_refused_when_it_was_used_before(start: Start, spool: Path) -> None:
    read_to_end(start("print(1)"))

    with pytest.raises(SpoolError, match="in use"):
        start("print(2)")


def test_a_spool_is_for_its_owner_only(start: Start, spool: Path) -> None:
    child = start("print('secret')")
    child.wait(10)
    child.read()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in spool.iterdir()}
    read_to_end(child)

    assert stat.S_IMODE(spool.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}


def test_a_child_gets_only_the_variables_it_was_given(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "never")

    said, _ = read_to_end(start("import os; print(sorted(os.environ))"))

    assert b"SECRET_KEY" not in said
    assert b"PATH" in said


def test_wait_returns_false_when_the_child_is_silent(start: Start) -> None:
    child = start("import time; time.sleep(30)")

    began = time.monotonic()
    news = child.wait(0.2)

    assert not news
    assert 0.2 <= time.monotonic() - began < 25  # the child's own 30 are not waited for


def test_wait_returns_at_once_when_something_is_left_to_read(start: Start) -> None:
    child = start("print('x' * 1000); import time; time.sleep(30)")
    child.wait(20)

    assert len(child.read(10)) == 10
    assert child.wait(0) is True


@pytest.mark.parametrize("grace_s", [0.2])
def test_stop_ends_a_child_that_ignores_int_and_term(start: Start, grace_s: float) -> None:
    child = start(STUBBORN, grace_s=grace_s)
    read_until(child, b"ready\n")

    child.stop()
    said, ended = read_to_end(child)

    assert said == b"ignored 2\nignored 15\n"
    assert ended == Exit(None, signal.SIGKILL, stopped=True)


def test_the_last_words_are_read_when_a_child_is_stopped(start: Start) -> None:
    child = start(LAST_WORDS, grace_s=10)
    read_until(child, b"ready\n")

    child.stop()

    assert read_to_end(child) == (b"waiting for cleanup\ncleaned up", Exit(7, None, stopped=True))


def test_stop_ends_the_whole_group(start: Start) -> None:
    child = start(FAMILY, grace_s=0.2)
    grandchild = int(read_until(child, b"ready").split()[1])

    child.stop()
    read_to_end(child)

    assert is_gone(grandchild)


def test_a_stop_after_the_end_changes_nothing(start: Start) -> None:
    child = start("print('done')")
    said, ended = read_to_end(child)

    child.stop()

    assert (said, ended) == (b"done\n", child.ended)


@pytest.mark.parametrize(
    ("life_s", "must_stop"), [pytest.param(60, True, id="stopped"), pytest.param(0, False, id="ended")]
)
def test_a_daemon_in_its_own_session_is_left_alone(start: Start, life_s: int, must_stop: bool) -> None:
    child = start(DAEMON % life_s, grace_s=0.2)
    daemon = int(read_until(child, b"ready").split()[1])

    if must_stop:
        child.stop()
    read_to_end(child)
    survived = not is_gone(daemon)
    os.kill(daemon, signal.SIGKILL)

    assert survived


def test_nothing_is_lost_when_the_reader_is_slow(start: Start, spool: Path) -> None:
    program = "import sys\nfor i in range(100): sys.stdout.buffer.write(bytes([i]) * 1_048_576)"
    child = start(program)
    most = 0
    sizes = dict.fromkeys(range(100), 0)
    while child.ended is None:
        child.wait(5)
        for byte, count in count_bytes(child.read(1_000_000)).items():
            sizes[byte] += count
        child.discard(child.offset)
        most = max(most, sum(path.stat().st_size for path in spool.glob("*.out")))

    assert set(sizes.values()) == {1_048_576}
    assert most <= 18 * 4 * 1_048_576


def count_bytes(data: bytes) -> dict[int, int]:
    return {byte: data.count(byte) for byte in set(data)}


def test_a_child_waits_when_nobody_reads_and_goes_on_when_somebody_does(start: Start, spool: Path) -> None:
    child = start("import sys\nfor i in range(100): sys.stdout.buffer.write(b'x' * 1_048_576)")
    wait_until(lambda: len(list(spool.glob("*.out"))) == 17, "a full spool")
    size = sum(path.stat().st_size for path in spool.glob("*.out"))

    said, ended = read_to_end(child)

    assert size <= 17 * 4 * 1_048_576
    assert len(said) == 100 * 1_048_576
    assert ended.is_ok


def test_twenty_children_at_once_leave_no_process_and_no_descriptor(start: Start, tmp_path: Path) -> None:
    here = psutil.Process()
    descriptors, processes = here.num_fds(), len(here.children(recursive=True))
    children = [start(f"print({i})", to=tmp_path / str(i)) for i in range(20)]

    said = [read_to_end(child)[0] for child in children]

    assert said == [b"%d\n" % i for i in range(20)]
    assert (here.num_fds(), len(here.children(recursive=True))) == (descriptors, processes)


def test_closing_a_running_child_stops_it(start: Start) -> None:
    child = start("import os, time; print(os.getpid()); time.sleep(60)", grace_s=0.2)
    pid = int(read_until(child, b"\n"))

    child.close()

    assert is_gone(pid)


def test_zombies_of_the_child_are_reaped(start: Start) -> None:
    child = start(
        "import os, time\nif os.fork() == 0:\n  if os.fork() == 0: os._exit(0)\n  os._exit(0)\n"
        "print('ready')\ntime.sleep(60)"
    )
    read_until(child, b"ready")

    child.stop()
    read_to_end(child)

    assert [p for p in psutil.Process().children(recursive=True) if p.status() == psutil.STATUS_ZOMBIE] == []


def test_capture_keeps_output_and_errors_apart(tmp_path: Path) -> None:
    done = capture(["sh", "-c", "echo out; echo err >&2; exit 3"], cwd=tmp_path, env=ENV, timeout_s=20)

    assert (done.code, done.output, done.errors, done.timed_out) == (3, "out\n", "err\n", False)


def test_capture_ends_a_command_that_hangs(tmp_path: Path) -> None:
    began = time.monotonic()

    done = capture(["sh", "-c", "echo before; sleep 60"], cwd=tmp_path, env=ENV, timeout_s=0.3, grace_s=0.2)

    assert (done.output, done.timed_out) == ("before\n", True)
    assert time.monotonic() - began < 20


def test_capture_stops_a_command_that_says_too_much_on_either_stream(tmp_path: Path) -> None:
    flood = [sys.executable, "-c", "import sys\nwhile True: sys.stderr.write('x' * 1_000_000)"]

    done = capture(flood, cwd=tmp_path, env=ENV, timeout_s=30, grace_s=0.2)

    assert done.timed_out
    assert len(done.errors) <= 64 * 1024 * 1024


def test_capture_keeps_what_was_said_where_it_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Scratch, "folder", tmp_path / "scratch")

    done = capture(["sh", "-c", f"ls {tmp_path}/scratch"], cwd=tmp_path, env=ENV, timeout_s=20)

    assert done.output.startswith("capture-")
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        (Exit(3, None, stopped=False), "ended with exit code 3"),
        (Exit(None, 9, stopped=False), "was ended by SIGKILL"),
        (Exit(None, 41, stopped=False), "was ended by signal 41"),
        (Exit(None, None, stopped=False), "was lost"),
    ],
    ids=["code", "signal", "signal-without-a-name", "lost"],
)
def test_an_end_is_told_in_words(ended: Exit, said: str) -> None:
    assert str(ended) == said
