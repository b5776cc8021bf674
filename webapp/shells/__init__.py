"""Shared terminals: one PTY, many viewers, one person who types. Contract: docs/shells.md."""
