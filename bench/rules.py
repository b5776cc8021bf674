"""python -m bench.rules [--lines N]: the known failures matched on lines such as a run writes.

Every thousandth line is a sample of some rule. Exits with 1 below the target.
"""

import argparse
import sys
from pathlib import Path

from webapp.catalog import library
from webapp.diagnosis.bench import bench_rules
from webapp.diagnosis.rules import load_rules

ROOT = Path(__file__).parent.parent
TARGET = 500_000  # lines a second: more than any machine writes


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rules", description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    options = parser.parse_args()
    rules = load_rules(library.failures_text(ROOT / "environments"))
    found = bench_rules(rules, line_count=options.lines)
    print(
        f"known failures: {found.lines:,} lines against {len(rules.rules)} rules in {found.seconds:.2f} s, "
        f"{found.lines_per_s:,.0f} lines/s (target {TARGET:,}), {found.findings:,} findings"
    )
    return int(found.lines_per_s < TARGET)


if __name__ == "__main__":
    sys.exit(main())
