"""What remains when the worker or the keeper is killed; reading a spool again from any offset."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.process.children import ENV, Start, is_gone, read_to_end, read_until, wait_until
from webapp import process
from webapp.keeper import Spool
from webapp.spool import Exit, SpoolError, SpoolReader, open_spool, read_exit

WORKER = Path(__file__).with_name("worker.py")
ROOT = WORKER.parents[2]
TALKER = """
import os, signal, sys, time
def leave(*_):
    print("last words")
    sys.exit(0)
signal.signal(signal.SIGINT, leave)
print("child", os.getpid())
while True:
    print("working")
    time.sleep(0.01)
"""
FLOOD = "import os\nprint('child', os.getpid())\nwhile True: print('x' * 1000)"
PAIR = "import os, time\nos.fork()\nos.write(1, b'ready ')\ntime.sleep(60)"
# A keeper on a disk that refuses the record of the end until there is a file `room`.
FULL_DISK = """
import errno, os, runpy
rename = os.rename
def refuse(old, new):
    if new.endswith("exit.json") and not os.path.exists({room!r}):
        open({refused!r}, "w").close()
        raise OSError(errno.ENOSPC, "No space left on device")
    rename(old, new)
os.rename = refuse
runpy.run_path({keeper!r}, run_name="__main__")
"""
Lose = Callable[[str], int]


@pytest.fixture
def lose_worker(spool: Path) -> Lose:
    """Start a worker with this child, SIGKILL the worker, return the child's pid."""

    def start_and_kill(program: str) -> int:
        env = {**ENV, "PYTHONPATH": str(ROOT)}
        worker = subprocess.Popen(
            [sys.executable, str(WORKER), str(spool), program], env=env, stdout=subprocess.PIPE
        )
        assert worker.stdout is not None
        with worker.stdout:
            assert worker.stdout.readline() == b"ready\n"
            worker.send_signal(signal.SIGKILL)
            worker.wait(10)
        return child_pid(spool)

    return start_and_kill


def child_pid(spool: Path) -> int:
    pid = json.loads((spool / "child.json").read_text())["pid"]
    assert isinstance(pid, int)
    return pid


def read_rest(reader: SpoolReader) -> bytes:
    wait_until(lambda: not reader.keeper_is_alive, "the keeper's end")
    said = bytearray()
    while data := reader.read(1000):
        said += data
    return bytes(said)


def test_the_child_is_stopped_and_its_last_words_are_kept_when_the_worker_is_killed(
    lose_worker: Lose, spool: Path
) -> None:
    child = lose_worker(TALKER)

    reader = open_spool(spool, 0)
    said = read_rest(reader)

    assert is_gone(child)
    assert said.endswith(b"working\nlast words\n")
    assert reader.ended == Exit(0, None, stopped=True)


def test_an_orphan_that_floods_its_spool_ends_all_the_same(lose_worker: Lose, spool: Path) -> None:
    child = lose_worker(FLOOD)

    reader = open_spool(spool, 0)
    wait_until(lambda: not reader.keeper_is_alive, "the keeper's end")

    assert is_gone(child)
    assert sum(path.stat().st_size for path in spool.glob("*.out")) <= 34 * 4 * 1_048_576


def test_ended_is_none_for_a_recovering_reader_while_the_keeper_works(start: Start, spool: Path) -> None:
    child = start("print('ready'); import time; time.sleep(60)")
    child.wait(10)

    reader = open_spool(spool, 0)
    reader.read()

    assert (reader.keeper_is_alive, reader.ended) == (True, None)
    reader.close()


def test_the_group_dies_when_the_keeper_is_killed(start: Start, spool: Path) -> None:
    child = start(PAIR)
    read_until(child, b"ready ready")
    family = [p.pid for p in psutil.process_iter() if own_session(p.pid) == child_pid(spool)]

    keeper_of(spool).kill()
    _, ended = read_to_end(child)

    assert ended == Exit(None, None, stopped=False)
    assert len(family) == 2
    wait_until(lambda: all(is_gone(pid) for pid in family), "the end of the family")


def test_a_recovering_reader_kills_what_a_lost_keeper_left(start: Start, spool: Path) -> None:
    child = start(PAIR)
    read_until(child, b"ready ready")
    family = [p.pid for p in psutil.process_iter() if own_session(p.pid) == child_pid(spool)]
    keeper_of(spool).kill()
    wait_until(lambda: not child.keeper_is_alive, "the keeper's end")

    reader = open_spool(spool, child.offset)

    assert reader.ended == Exit(None, None, stopped=False)
    wait_until(lambda: all(is_gone(pid) for pid in family), "the end of the family")


def own_session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return -1


def keeper_of(spool: Path) -> psutil.Process:
    return psutil.Process(psutil.Process(child_pid(spool)).ppid())


def test_a_full_disk_makes_the_child_wait_and_loses_nothing(tmp_path: Path) -> None:
    spool = Spool(str(tmp_path))
    assert spool.put(memoryview(b"before "))
    good = spool.file
    spool.file = os.open("/dev/full", os.O_WRONLY)

    refused = spool.put(memoryview(b"after"))
    os.close(spool.file)
    spool.file = good

    assert not refused
    assert spool.put(spool.pending)
    assert read_rest(open_spool(tmp_path, 0)) == b"before after"
    os.close(good)


def test_a_full_disk_does_not_lose_how_the_child_ended(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, refused, full = (tmp_path / name for name in ("room", "refused", "keeper.py"))
    full.write_text(FULL_DISK.format(room=str(room), refused=str(refused), keeper=str(process.KEEPER)))
    monkeypatch.setattr(process, "KEEPER", full)
    child = start("print('done')")
    said = read_until(child, b"done\n")
    wait_until(refused.exists, "a refusal")

    before = child.ended
    room.touch()

    assert (said, before) == (b"done\n", None)
    assert read_to_end(child) == (b"", Exit(0, None, stopped=False))


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=12),
    share=st.floats(0, 1),
    limit=st.integers(1, 50),
)
def test_reading_from_any_offset_gives_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], share: float, limit: int
) -> None:
    """Segments of any size: the reader only relies on their names."""
    folder = tmp_path_factory.mktemp("spool")
    start = 0
    for piece in pieces:
        (folder / f"{start:016d}.out").write_bytes(piece)
        start += len(piece)
    whole = b"".join(pieces)
    offset = round(share * len(whole))

    reader = open_spool(folder, offset)
    said = b"".join(iter(lambda: reader.read(limit), b""))
    reader.discard(reader.offset)
    reader.close()

    assert said == whole[offset:]
    assert len(list(folder.iterdir())) == 1


def test_a_spool_refuses_an_offset_when_it_was_discarded_or_never_said(tmp_path: Path) -> None:
    (tmp_path / f"{100:016d}.out").write_bytes(b"x" * 10)

    with pytest.raises(SpoolError, match="has been discarded"):
        open_spool(tmp_path, 99)
    with pytest.raises(SpoolError, match="has not been said"):
        open_spool(tmp_path, 111)


def test_a_reader_of_an_empty_folder_says_that_the_child_was_lost(tmp_path: Path) -> None:
    reader = open_spool(tmp_path, 0)

    assert (reader.read(), reader.ended, read_exit(tmp_path)) == (b"", Exit(None, None, stopped=False), None)
