"""docs/operating.md lists every setting that the code reads, and none that it does not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import ROOT

READERS = {"flag", "whole_number", "number", "plain_name", "words", "getenv"}
# Read by Django and the tools themselves, or set by us for our own children.
NOT_OURS = {"CELERY_SKIP_CHECKS", "DJANGO_SETTINGS_MODULE", "PATH"}
# Read by compose or by prepare.py only, or Python's own.
ELSEWHERE = {"PYTHONDONTWRITEBYTECODE", "VENV"}


def settings_read(path: Path) -> Iterator[str]:
    """Yield each name in os.environ.get("…"), os.environ["…"] and the readers of settings.py."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and is_reader(node.func):
            yield from constant(node.args[0])
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            yield from constant(node.slice)


def is_reader(function: ast.expr) -> bool:
    name = ast.unparse(function)
    return name == "os.environ.get" or name.rsplit(".", 1)[-1] in READERS


def constant(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isupper():
        yield node.value


def plain_defaults() -> dict[str, str]:
    """Return the defaults that stand as constants in settings.py, written as the table writes them."""
    tree = ast.parse((ROOT / "webapp" / "settings.py").read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and is_reader(node.func)]
    return {
        call.args[0].value: as_written(*given)
        for call in calls
        if isinstance(call.args[0], ast.Constant)
        and (given := [*call.args[1:], *(keyword.value for keyword in call.keywords)])
        and is_plain(given[0])
    }


def is_plain(node: ast.expr) -> bool:
    """A constant, or a product of constants."""
    return all(isinstance(part, ast.Constant | ast.BinOp | ast.Mult) for part in ast.walk(node))


def as_written(node: ast.expr) -> str:
    value = eval(compile(ast.Expression(node), "settings.py", "eval"))  # numbers and texts only: is_plain
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"`{value}`" if value != "" else "nothing"


def all_settings() -> set[str]:
    every = {name for path in (ROOT / "webapp").rglob("*.py") for name in settings_read(path)}
    return every - NOT_OURS


def documented() -> set[str]:
    text = (ROOT / "docs" / "operating.md").read_text().partition("## Settings")[2]
    return set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE))


def test_operating_lists_exactly_the_settings_that_the_code_reads():
    assert documented() == all_settings()


def test_operating_tells_the_defaults_that_the_code_has():
    text = (ROOT / "docs" / "operating.md").read_text().partition("## Settings")[2]
    told = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+?) \|", text, re.MULTILINE))

    for name, default in plain_defaults().items():
        assert default == "nothing" or told[name].partition(";")[0] == default, name


def test_prepare_reads_only_what_is_documented():
    assert set(settings_read(ROOT / "prepare.py")) - ELSEWHERE <= documented()


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/operating.md"])
def test_links_of_a_page_lead_somewhere(name: str):
    page = ROOT / name
    links = re.findall(r"(?<!!)\[[^]]*\]\(([^)#:]+)\)", page.read_text())  # pictures are made by other tests

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("target", ["up", "test", "check", "bench", "lock", "clean"])
def test_makefile_has_the_words_that_the_pages_use(target: str):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
