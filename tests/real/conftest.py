"""Fixtures of the real-Vagrant tests."""

from tests.real.fixtures import libvirt, real_lab, real_vagrant

__all__ = ["libvirt", "real_lab", "real_vagrant"]
