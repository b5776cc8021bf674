"""What docker-compose.yml and the Dockerfile say, read without an engine."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.stack import ROOT

SECRETS = ("SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "SETUP_TOKEN")
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def fill_in(text: str, env: Mapping[str, str]) -> str:
    """Do what compose does with ${NAME:-default} and ${NAME:?message}; KeyError for a missing one."""

    def value(match: re.Match[str]) -> str:
        name, kind, default = match.groups()
        return (env.get(name) or default or "") if kind == "-" else env[name]

    return VARIABLE.sub(value, text)


def services(env: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return each service as compose would start it."""
    text = fill_in((ROOT / "docker-compose.yml").read_text(), env)
    every: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
    for service in every.values():
        # `NAME:` with nothing behind it is None to YAML, and an empty value to compose.
        told = service.get("environment", {})
        service["environment"] = {name: "" if value is None else str(value) for name, value in told.items()}
    return every
