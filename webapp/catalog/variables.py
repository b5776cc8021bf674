"""variables.yaml in and out: text → `LabSpec` or a list of problems, and back.

Three generations are told apart by their keys: upstream's of 2021, upstream's of
2022 to 2024, and our own. The spec goes to definitions (stored) and planning.
"""

from dataclasses import dataclass

from webapp.catalog import export as texts
from webapp.catalog import keys
from webapp.catalog.checks import check, with_subnet
from webapp.catalog.compare import compare_specs
from webapp.catalog.historic import read_2021, read_2022
from webapp.catalog.keys import Generation
from webapp.catalog.nested import read_nested
from webapp.catalog.problems import DefinitionError, Findings, Note, Problem
from webapp.catalog.spec import LabSpec
from webapp.catalog.yaml_tree import Mapping, load

__all__ = [
    "GENERATIONS",
    "DefinitionError",
    "Generation",
    "Note",
    "Parsed",
    "Problem",
    "export",
    "parse",
    "read",
]

FILE = "variables.yaml"
GENERATIONS: dict[Generation, str] = {
    "ours": "this dashboard",
    "2022": "upstream 2022 to 2024",
    "2021": "upstream 2021",
}
ONLY = {"2021": frozenset(keys.ONLY_2021), "2022": frozenset(keys.ONLY_2022)}
ONLY_OURS = frozenset(keys.OURS) - {"cni"}
READERS = {"2021": read_2021, "2022": read_2022, "ours": read_nested}


@dataclass(frozen=True)
class Parsed:
    """A definition that can be used, and what its author may want to know about it."""

    spec: LabSpec
    generation: Generation
    notes: tuple[Note, ...]


def parse(text: str | bytes, *, file: str = FILE) -> LabSpec:
    """Return what the text asks for; DefinitionError holds every problem found."""
    return read(text, file=file).spec


def read(text: str | bytes, *, file: str = FILE) -> Parsed:
    """Parse, and say which generation it is and what was translated."""
    findings = Findings(file)
    generation, spec = understand(text, findings)
    check(spec, findings)
    if findings.problems:
        raise DefinitionError(findings.problems)
    notes = tuple(sorted(findings.notes, key=lambda note: note.line))
    return Parsed(spec, generation, notes)


def understand(text: str | bytes, findings: Findings) -> tuple[Generation, LabSpec]:
    """Read the settings one by one, without the checks between them."""
    root = load(text, findings)
    generation = recognise(root, findings)
    return generation, with_subnet(READERS[generation](root, findings))


def recognise(root: Mapping, findings: Findings) -> Generation:
    """Tell the generation by the keys that only one has; DefinitionError for a mixture."""
    found = set(root.entries)
    ours = found & ONLY_OURS
    historic = {name: found & only for name, only in ONLY.items()}
    if ours and (historic["2021"] or historic["2022"] or found & (set(keys.SHARED_HISTORIC) - {"cni"})):
        refuse_mixture(
            root, findings, ours, found & {*keys.ONLY_2021, *keys.ONLY_2022, *keys.SHARED_HISTORIC}
        )
    if historic["2021"] and historic["2022"]:
        refuse_mixture(root, findings, historic["2022"], historic["2021"])
    if historic["2021"]:
        return "2021"
    is_2022 = historic["2022"] or found & (set(keys.SHARED_HISTORIC) - {"cni"})
    return "2022" if is_2022 else "ours"


def refuse_mixture(root: Mapping, findings: Findings, some: set[str], others: set[str]) -> None:
    """Raise: half a file of one generation and half of another has no meaning."""
    first = min(others - {"cni"}, key=lambda key: root.lines[key])
    with_ = min(some, key=lambda key: root.lines[key])
    what = (
        f"The keys of two generations are mixed: {with_} (line {root.lines[with_]}) does not go with {first}."
    )
    findings.refuse(root.lines[first], first, what, "the keys of one generation, see docs/definitions.md")
    raise DefinitionError(findings.problems)


def export(spec: LabSpec, generation: Generation) -> str:
    """Write the spec as text that `parse` reads back.

    What a historic generation cannot say is listed in comments at the end.
    """
    if generation == "ours":
        return texts.ours(spec)
    text = {"2021": texts.upstream_2021, "2022": texts.upstream_2022}[generation](spec)
    _, read_back = understand(text, Findings(FILE))
    lost = compare_specs(spec, read_back)
    if not lost:
        return text
    lines = [
        f"#   {item.key}: {item.before or 'nothing'} (read back: {item.after or 'nothing'})" for item in lost
    ]
    return text + "\n".join(["# These keys cannot say:", *lines]) + "\n"
