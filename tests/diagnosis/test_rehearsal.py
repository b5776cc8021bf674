"""The rehearsal's mishaps and its undisturbed play against the known failures."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from webapp.diagnosis.rules import load_rules

ENVIRONMENTS = Path(__file__).parents[2] / "environments"
RULES = load_rules((ENVIRONMENTS / "kit" / "failures.yaml").read_text())
STAGE = ENVIRONMENTS / "rehearsal" / "stage"
EXPECTED = {
    "token-expired": "token-expired",
    "cni-not-initialised": "cni-not-ready",
    "kubelet-flag-unknown": "kubelet-unknown-flag",
    "licence-expired": "licence-expired",
    "reboot-refused": "reboot-refused",
    "wrong-nic": "wrong-card",
    "disk-full": "host-disk-full",
    "checksum-wrong": "checksum-wrong",
    "winrm-lost": "winrm-lost",
    "clock-skew": "clock-skew",
}


def texts(value: Any) -> Iterator[str]:  # Any: the JSON edge
    """Yield every line of every text in a JSON value."""
    if isinstance(value, str):
        yield from value.split("\n")
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


@pytest.mark.parametrize(("mishap", "rule_id"), EXPECTED.items(), ids=EXPECTED)
def test_a_mishap_of_the_rehearsal_gets_its_finding(mishap: str, rule_id: str) -> None:
    lines = list(texts(json.loads((STAGE / "mishaps.json").read_text())[mishap]))

    assert rule_id in {finding.rule_id for finding in RULES.match_lines(0, lines)}


def test_an_undisturbed_play_raises_no_alarm() -> None:
    lines = list(texts(json.loads((STAGE / "plays.json").read_text())))
    found = {finding.rule_id for finding in RULES.match_lines(0, lines)}

    alarms = {i for i in found if RULES.by_id[i].kind == "failure" and not RULES.by_id[i].when_failed}
    assert alarms == set()
