"""A Go module of many packages that one command links, for the bench of builds."""

import subprocess
from pathlib import Path

PACKAGES, FUNCTIONS = 400, 60


def git(tree: Path, *arguments: str) -> None:
    who = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    subprocess.run(["git", *who, *arguments], cwd=tree, check=True, capture_output=True)


FUNCTION = """func F{n}(a, b int) (string, error) {{
\tif a > b {{
\t\treturn fmt.Sprintf("%d-%d-{n}{mark}", a, b), nil
\t}}
\treturn strings.Repeat("{n}", b), fmt.Errorf("p{number} %d", a)
}}
"""
MAIN = """package main

import (
\t"fmt"
{imports})

var version string

func main() {{
\tfmt.Println(version)
{calls}}}
"""


def package_text(number: int, mark: str = "") -> str:
    functions = "\n".join(FUNCTION.format(n=n, number=number, mark=mark) for n in range(FUNCTIONS))
    return f'package p{number}\n\nimport (\n\t"fmt"\n\t"strings"\n)\n\n{functions}'


def make_tree(tree: Path) -> None:
    """Make a module of PACKAGES packages that one command links."""
    tree.mkdir(mode=0o755)
    git(tree, "init", "-q", "-b", "main")
    (tree / "go.mod").write_text("module example.org/large\n\ngo 1.22\n")
    for number in range(PACKAGES):
        place = tree / f"pkg/p{number}"
        place.mkdir(parents=True)
        (place / "p.go").write_text(package_text(number))
    imports = "".join(f'\t"example.org/large/pkg/p{n}"\n' for n in range(PACKAGES))
    calls = "".join(f"\tfmt.Println(p{n}.F1(1, 2))\n" for n in range(PACKAGES))
    (tree / "cmd/large").mkdir(parents=True)
    text = MAIN.format(imports=imports, calls=calls)
    (tree / "cmd/large/main.go").write_text(text)
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "large")


def change(tree: Path, mark: str) -> None:
    """Change one file that few others need, and commit."""
    place = tree / "pkg/p7/p.go"
    if place.exists():
        place.write_text(package_text(7, mark))
        git(tree, "commit", "-q", "-am", mark)
