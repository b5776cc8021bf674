"""What was last seen of each cluster, the ladders drawn from it, safe fixes. Contract: docs/cluster.md."""
