"""What builds bring to labs: the plan's step `builds`, and followed branches that are injected.

Stands above `builds`, `runs` and `inject`, which are blind to each other. Contract: docs/builds.md.
"""
