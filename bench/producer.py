"""The child: `count` lines of 124 bytes, each with its number and the time; `rate` 0: as fast as it can.

One write a line, as Vagrant does (its stdout is in sync).
"""

import os
import sys
import time

PADDING = "kubelet: Windows worker winw1 pulls image, waits for HNS network, joins the cluster and so on "


def line(number: int) -> str:
    return f"#{number:09d}@{time.time():017.6f} {PADDING}\n"


def main() -> None:
    count, rate = int(sys.argv[1]), float(sys.argv[2])
    begin = time.monotonic()
    for number in range(count):
        if rate > 0:
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        os.write(1, line(number).encode())


if __name__ == "__main__":
    main()
