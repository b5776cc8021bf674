"""The recording that a terminal's room writes now, if any. A disk that fails ends it, never the terminal."""

from collections.abc import Callable

from webapp.shells.recording import MOST_BYTES, Recorder
from webapp.shells.screen import Screen, Size
from webapp.shells.store import RecordingFacts

FULL = f"The recording has {MOST_BYTES // 1024**2} MiB, which is all that fits; it has ended."


class Tape:
    """`on_end` is told the recording's id, its bytes, and a sentence if it did not end by being switched."""

    def __init__(self, on_end: Callable[[int, int, str], None]) -> None:
        self._on_end = on_end
        self._pk: int | None = None
        self._recorder: Recorder | None = None  # None with a _pk: it failed, and is not tried again

    def switch(self, wanted: RecordingFacts | None, screen: Screen, title: str) -> None:
        """Record `wanted` from now on, beginning with what the screen shows; None: nothing."""
        if wanted is not None and wanted.pk == self._pk:
            return
        self._end()
        if wanted is None:
            return
        self._pk = wanted.pk
        try:
            self._recorder = Recorder(wanted.path, screen.size, title, wanted.started_at)
        except OSError as error:
            self._fail(error)
            return
        for _, data in screen.snapshot():
            self.write(data.decode(errors="replace"))

    def write(self, text: str) -> None:
        self._do(lambda recorder: recorder.write(text))
        if self._recorder is not None and self._recorder.is_full:
            self._end(FULL)

    def resize(self, size: Size) -> None:
        self._do(lambda recorder: recorder.resize(size))

    def flush(self) -> None:
        """Call it by the clock."""
        self._do(lambda recorder: recorder.flush())

    def put_down(self) -> None:
        """Write the rest and let go; the recording goes on when this process is there again."""
        self._do(lambda recorder: recorder.close())
        self._pk = self._recorder = None

    def _do(self, act: Callable[[Recorder], object]) -> None:
        if self._recorder is None:
            return
        try:
            act(self._recorder)
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        self._end(f"The recording has ended: {error.strerror or error}.")

    def _end(self, why: str = "") -> None:
        """Close what is open, and tell; where it failed (`why`) the id stays: it is not begun anew."""
        recorder, self._recorder, size = self._recorder, None, 0
        if recorder is not None:
            try:
                size = recorder.close()
            except OSError as error:
                why = why or f"The recording's end is lost: {error.strerror or error}."
        pk, self._pk = self._pk, self._pk if why else None
        if pk is not None and (recorder is not None or why):
            self._on_end(pk, size, why)
