"""The child: `count` lines of about 120 bytes, each with its number and the time; `rate` 0 = as fast as it can."""

import sys
import time

PADDING = "kubelet: Windows worker winw1 pulls image, waits for HNS network, joins the cluster and so on "
BLOCK = 200  # lines a write when there is no rate


def line(number: int) -> str:
    return f"#{number:09d}@{time.time():017.6f} {PADDING}\n"


def main() -> None:
    count, rate = int(sys.argv[1]), float(sys.argv[2])
    out = sys.stdout
    if rate <= 0:
        for first in range(0, count, BLOCK):
            out.write("".join([line(number) for number in range(first, min(first + BLOCK, count))]))
            out.flush()
        return
    begin = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        out.write(line(number))
        out.flush()


if __name__ == "__main__":
    main()
