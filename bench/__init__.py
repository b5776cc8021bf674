"""What the way from a child's stdout to the last viewer costs: `make bench`, docs/bench.md."""
