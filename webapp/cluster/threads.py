"""Threads of this process for work that waits: made when they are first needed, since workers fork before."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


class Threads:
    """At most `most` at once; what is more waits its turn."""

    def __init__(self, most: int, name: str) -> None:
        self.most, self.name = most, name
        self.lock = threading.Lock()
        self.pool: ThreadPoolExecutor | None = None

    def submit(self, work: Callable[[int], None], row_id: int) -> None:
        """Let a thread work on a row; `work` answers for its own faults."""
        with self.lock:
            if self.pool is None:
                self.pool = ThreadPoolExecutor(self.most, thread_name_prefix=self.name)
        self.pool.submit(work, row_id)
