"""The parts of the rehearsed Vagrant; the standard library only, so that any Python from 3.11 on plays it."""
