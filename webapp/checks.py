"""Startup checks: what would go wrong later, said at once, with the remedy.

`manage.py check` and every start run them. What a lab host lacks (Vagrant, providers) is found by the
worker on that host and shown on the Hosts page (hosts/inspection.py); here is what this process needs.
"""

import ipaddress
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from webapp.catalog import library
from webapp.catalog.kit_versions import VersionsError
from webapp.catalog.library import KitError
from webapp.diagnosis.kit_file import RulesError
from webapp.diagnosis.rules import load_rules

MIB = 1024**2
LEAST_FREE_MIB = 200
LAB_PREFIX = 24  # each lab's own subnet


@register(Tags.files)
def check_folders(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """The folders that are written to can be written to, and have room."""
    del app_configs
    folders = {"VAR_DIR": Path(settings.VAR_DIR), "LAB_HOME": Path(settings.LAB_HOME)}
    return [found for name, folder in folders.items() for found in check_folder(name, folder)]


def check_folder(name: str, folder: Path) -> list[CheckMessage]:
    """Judge one folder, which need not exist yet."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        hint = f"Make it writable for this user, or set {name} to another folder."
        return [Error(f"{name} {folder} cannot be written to.", hint=hint, id="webapp.E001")]
    free_mib = shutil.disk_usage(nearest).free // MIB
    if free_mib < LEAST_FREE_MIB:
        hint = f"Free some space, or set {name} to a folder on a larger disk."
        return [Error(f"{name} {folder} has {free_mib} MiB left.", hint=hint, id="webapp.E002")]
    return []


@register(Tags.files)
def check_environments(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """The data that describes labs is there."""
    del app_configs
    folder = Path(settings.ENVIRONMENTS_DIR)
    wanted = ("kit/Vagrantfile", "kit/steps.yaml", "kit/versions.yaml", "presets")
    missing = [name for name in wanted if not (folder / name).exists()]
    if not missing:
        return []
    hint = "Set LAB_ENVIRONMENTS to the folder `environments` of this version of the dashboard."
    return [Error(f"{folder} has no {', '.join(missing)}.", hint=hint, id="webapp.E003")]


@register(Tags.files)
def check_kit(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """The kit's own data can be read: its steps, its versions, its known failures."""
    del app_configs
    root = Path(settings.ENVIRONMENTS_DIR)
    readers = (library.kit_steps, library.versions, lambda root: load_rules(library.failures_text(root)))
    found: list[CheckMessage] = []
    for read in readers:
        try:
            read(root)
        except (KitError, VersionsError, RulesError) as error:
            hint = "Correct the file, or bring back the one of this version of the dashboard."
            found.append(Error(f"The kit cannot be used. {error}", hint=hint, id="webapp.E005"))
        except FileNotFoundError as error:
            hint = "Set LAB_ENVIRONMENTS to the folder `environments` of this version of the dashboard."
            found.append(Error(f"The kit has no {Path(error.filename).name}.", hint=hint, id="webapp.E003"))
    return found


@register(Tags.caches)
def check_redis_address(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """REDIS_URL is spelled as both Celery and Channels read it."""
    del app_configs
    if settings.REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
        return []
    hint = "Write redis://HOST:PORT/0, rediss://HOST:PORT/0 or unix:///PATH?db=0."
    return [Error("REDIS_URL is no address of a Redis server.", hint=hint, id="webapp.E004")]


@register(Tags.compatibility)
def check_subnet_pool(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """LAB_SUBNET_POOL holds at least one /24."""
    del app_configs
    try:
        prefix = ipaddress.IPv4Network(settings.LAB_SUBNET_POOL).prefixlen
    except ValueError:
        prefix = 33
    if prefix <= LAB_PREFIX:
        return []
    hint = "Write an IPv4 network of at least 256 addresses, such as 192.168.56.0/21."
    return [Error(f"LAB_SUBNET_POOL={settings.LAB_SUBNET_POOL} is no pool.", hint=hint, id="webapp.E006")]


@register(Tags.security, deploy=True)
def check_deployment(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Beyond this machine, cookies travel over TLS only and the data is in PostgreSQL."""
    del app_configs
    found: list[CheckMessage] = []
    if not settings.SECURE_COOKIES:
        hint = "Set SECURE_COOKIES=1 once the dashboard is reached over https."
        found.append(Warning("Cookies are sent over plain HTTP, too.", hint=hint, id="webapp.W001"))
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        hint = "Set DATABASE_URL=postgres://… when workers run on other machines than the web process."
        found.append(Warning("The database is a SQLite file.", hint=hint, id="webapp.W002"))
    return found
