"""Recordings: what they keep, what they never keep, and that they cost the terminal nothing."""

import json
from pathlib import Path

import pytest

from webapp.shells import tape as tapes
from webapp.shells.recording import HOLD_S, LONGEST_LINE, Recorder, whole_bytes
from webapp.shells.screen import Screen
from webapp.shells.store import RecordingFacts
from webapp.shells.tape import Tape

SIZE = (80, 24)
TOKEN = "abcdef.0123456789abcdef"  # a bootstrap token's look


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "1.cast"


@pytest.fixture
def recorder(path: Path) -> Recorder:
    return Recorder(path, SIZE, "calico-dev cp #1", started_at=1000.0)


def events(path: Path) -> list[list]:
    return [json.loads(line) for line in path.read_text().splitlines()[1:]]


def played(path: Path) -> str:
    return "".join(event[2] for event in events(path) if event[1] == "o")


def test_it_is_an_asciicast_with_the_times_of_what_was_shown(recorder: Recorder, path: Path):
    recorder.write("hel", 1001.5)
    recorder.write("lo\r\n$ ", 1002.5)
    recorder.resize((90, 30), 1003.0)
    recorder.close()

    head = json.loads(path.read_text().splitlines()[0])
    assert (head["version"], head["width"], head["height"], head["timestamp"]) == (2, 80, 24, 1000)
    assert events(path) == [[1.5, "o", "hel"], [2.5, "o", "lo\r\n"], [2.5, "o", "$ "], [3.0, "r", "90x30"]]


@pytest.mark.parametrize(
    "pieces",
    [
        [f"join --token {TOKEN}\r\n"],
        ["join --token abcdef.0123", "456789abcdef\r\n"],
        [f"\x1b[1mtoken: \x1b[31m{TOKEN[:4]}\x1b[0m{TOKEN[4:]}\r\n"],
        [f"{TOKEN[:9]}x\b{TOKEN[9:]}\r\n"],
        [TOKEN],
    ],
    ids=["whole", "in two reads", "in colours", "mistyped", "the last line"],
)
def test_a_secret_is_not_kept_and_its_neighbours_are(recorder: Recorder, path: Path, pieces: list[str]):
    for piece in ["before \x1b[32mgreen\x1b[0m\r\n", *pieces]:
        recorder.write(piece, 1001.0)
    recorder.close()

    text = played(path)
    assert text.startswith("before \x1b[32mgreen\x1b[0m\r\n\r\x1b[K")
    assert "[redacted]" in text and TOKEN[8:] not in text.replace("\x1b[0m", "")


def test_a_private_key_is_not_kept_however_many_reads_it_takes(recorder: Recorder, path: Path):
    for line in (
        "-----BEGIN PRIVATE KEY-----",
        "MIIEvQIBADANBg",
        "kqhkiG9w0BAQEF",
        "-----END PRIVATE KEY-----",
    ):
        recorder.write(f"{line}\r\n", 1001.0)
    recorder.write("after\r\n", 1002.0)
    recorder.close()

    assert "MIIE" not in played(path) and "kqhk" not in played(path)
    assert played(path).endswith("after\r\n")


def test_a_line_without_an_end_waits_for_a_while_or_until_it_is_long(recorder: Recorder, path: Path):
    recorder.write("PS C:\\> ", 1001.0)
    recorder.flush(1001.0 + HOLD_S - 1)
    early = played(path)
    recorder.flush(1001.0 + HOLD_S)

    assert (early, played(path)) == ("", "PS C:\\> ")
    recorder.write("x" * (LONGEST_LINE + 1), 1010.0)
    recorder.flush(1010.0)
    assert played(path) == "PS C:\\> " + "x" * (LONGEST_LINE + 1)


def test_a_flood_of_lines_is_one_event_a_read(recorder: Recorder, path: Path):
    recorder.write("y\r\n" * 5_000, 1001.0)
    recorder.close()

    assert events(path) == [[1.0, "o", "y\r\n" * 5_000]]


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (b"", 0),
        (b'{"version":2', 0),
        (b'{"version":2}\n[1,"o","x"]\n', 26),
        (b'{"version":2}\n[1,"o","hal', 14),
        (b'{"version":2}\n[1,"o","' + b"x" * 200_000, 14),
    ],
    ids=["nothing", "half a head", "whole", "half an event", "half a long event"],
)
def test_of_a_recording_that_runs_only_whole_lines_are_shown(path: Path, content: bytes, whole: int):
    path.write_bytes(content)

    with path.open("rb") as file:
        assert (whole_bytes(file), file.tell()) == (whole, 0)


# -- the tape: which recording is written ---------------------------------------------


Ended = list[tuple[int, int, str]]


@pytest.fixture
def ended() -> Ended:
    """What the tape has told of recordings that are over."""
    return []


@pytest.fixture
def tape(ended: Ended) -> Tape:
    return Tape(lambda *over: ended.append(over))


def facts(pk: int, folder: Path) -> RecordingFacts:
    return RecordingFacts(pk, folder / f"{pk}.cast", started_at=1000.0)


def test_of_two_recordings_each_has_its_own_file_though_no_end_was_seen_between(
    tape: Tape, ended: Ended, tmp_path: Path
):
    screen = Screen(SIZE)
    tape.switch(facts(1, tmp_path), screen, "t")
    tape.write("first\r\n")

    tape.switch(facts(2, tmp_path), screen, "t")
    tape.write("second\r\n")
    tape.put_down()

    assert [played(tmp_path / f"{pk}.cast") for pk in (1, 2)] == ["first\r\n", "second\r\n"]
    assert ended == [(1, (tmp_path / "1.cast").stat().st_size, "")]


def test_a_recording_goes_on_in_its_file_after_a_restart(tape: Tape, ended: Ended, tmp_path: Path):
    tape.switch(facts(1, tmp_path), Screen(SIZE), "t")
    tape.write("first\r\n")
    tape.put_down()

    tape.switch(facts(1, tmp_path), Screen(SIZE), "t")
    tape.write("second\r\n")
    tape.put_down()

    assert played(tmp_path / "1.cast") == "first\r\nsecond\r\n"
    assert ended == []


def test_a_full_disk_ends_the_recording_once_and_says_so(tape: Tape, ended: Ended):
    full = RecordingFacts(1, Path("/dev/full"), started_at=1000.0)
    tape.switch(full, Screen(SIZE), "t")

    for _ in range(3):
        tape.write("x" * 100 + "\r\n")
        tape.flush()
        tape.switch(full, Screen(SIZE), "t")  # the row is still to be ended

    assert ended == [(1, 0, "The recording has ended: No space left on device.")]


def test_a_folder_that_cannot_be_written_ends_the_recording(tape: Tape, ended: Ended, tmp_path: Path):
    tape.switch(RecordingFacts(1, tmp_path / "not" / "there", started_at=1000.0), Screen(SIZE), "t")

    assert ended == [(1, 0, "The recording has ended: No such file or directory.")]


def test_a_recording_that_is_as_large_as_may_be_ends_and_says_so(
    tape: Tape, ended: Ended, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr("webapp.shells.recording.MOST_BYTES", 1_000)
    tape.switch(facts(1, tmp_path), Screen(SIZE), "t")

    for _ in range(50):
        tape.write("x" * 100 + "\r\n")

    assert [(pk, why) for pk, _, why in ended] == [(1, tapes.FULL)]
    assert (tmp_path / "1.cast").stat().st_size < 2_000
