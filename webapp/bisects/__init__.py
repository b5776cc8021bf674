"""Which commit broke it: halve what is between good and bad, build, reset, inject, check, and again.

request (web) → bisect (models) → beat carries it on, one small step at a time (walk) → first bad commit.
Contract: docs/builds.md.
"""
