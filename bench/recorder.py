"""Our way in: a child under webapp.process, stored by the product's own recorder, in a worker's place.

python -m bench.recorder LOG LINES RATE      a line on stdin starts the child
"""

import resource
import sys
import tempfile
from pathlib import Path

import django

django.setup()

from webapp.executions.record import Recorder, make_spool, record_child  # noqa: E402 (Django first)
from webapp.logs import store  # noqa: E402
from webapp.logs.redact import Redactor  # noqa: E402
from webapp.process import start_child  # noqa: E402
from webapp.runs.output import VagrantOutput  # noqa: E402


def main() -> None:
    log_id, lines, rate = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as folder:
        spool = make_spool(log_id, 1, Path(folder) / "spool")
        recorder = Recorder(spool, VagrantOutput("winw1").translate, Redactor(()))
        store.note(log_id, "▶ bench")  # as each step begins; the worker's connections are open from then on
        print("ready", flush=True)
        sys.stdin.readline()
        command = [sys.executable, "-m", "bench.producer", lines, rate]
        with start_child(
            command, cwd=root, env={"PATH": "/usr/bin:/bin"}, spool=Path(folder) / "spool"
        ) as child:
            ended = record_child(child, recorder, lambda: False)
    assert ended.is_ok, ended
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(f"sent {used.ru_maxrss // 1024}", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
