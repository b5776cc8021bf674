"""Plays a worker that will be killed: starts a child below a keeper, says its pids, sleeps."""

import os
import sys
import time
from pathlib import Path

from webapp.process import start_child

spool, program = Path(sys.argv[1]), sys.argv[2]
child = start_child(
    [sys.executable, "-I", "-S", "-u", "-c", program],
    cwd=Path("/"),
    env=dict(os.environ),
    spool=spool,
    grace_s=0.5,
)
child.wait(10)
print("ready", flush=True)
time.sleep(60)
