"""What the log's way from a child's stdout to the last viewer costs. Run by `make bench`; docs/bench.md explains it."""
