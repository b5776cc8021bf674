"""Put a binary into a running lab, and take it out again. Contract: docs/inject.md.

artifact (builds) + machine (labs) → runner (who runs it there) → plan → a run (runs) of the kit's inject
steps → Injection rows → passport (what runs against what was meant) on the machine's panel.
"""
