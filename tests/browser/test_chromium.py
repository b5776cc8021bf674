"""The browser that the tests of this folder share."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Error


def test_a_browser_that_crashed_is_followed_by_another(running_browser: Callable[[], Browser]) -> None:
    first = running_browser()
    assert running_browser() is first

    with pytest.raises(Error):
        first.new_browser_cdp_session().send("Browser.crash")

    assert running_browser().is_connected()
    assert running_browser() is not first
