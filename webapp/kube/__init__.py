"""Pure: what the API of a cluster says, as frozen facts. Contract: docs/cluster.md."""
