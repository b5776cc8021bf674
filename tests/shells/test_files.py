"""What copies and connections leave on the lab host."""

import os
import time

import pytest

from webapp.shells.actions import close_terminal
from webapp.shells.client import socket_folder
from webapp.shells.files import LEFT_S, sweep, transfer_folder
from webapp.shells.models import Terminal

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_a_cut_off_copy_left_is_removed_a_day_later(terminal: Terminal):
    now = time.time()
    for name, age_s in (("old", LEFT_S + 1), ("under-way", 5.0)):
        path = transfer_folder() / name
        path.write_text("x")
        os.utime(path, (now - age_s, now - age_s))

    sweep(now)

    assert [path.name for path in transfer_folder().iterdir()] == ["under-way"]


def test_the_way_to_a_terminal_is_forgotten_with_it(terminal: Terminal):
    way = socket_folder() / f"{terminal.pk}.ssh"
    way.write_text("Host winw1")
    sweep(time.time())
    assert way.exists()

    close_terminal(terminal, None)
    sweep(time.time())

    assert not way.exists()
