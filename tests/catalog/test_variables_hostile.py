"""variables.yaml from anybody: no bytes crash it, and what parses comes back the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.catalog import keys
from webapp.catalog.spec import LabSpec
from webapp.catalog.variables import GENERATIONS, DefinitionError, export, parse, read

WORDS = sorted(
    {*keys.OURS, *keys.ONLY_2021, *keys.ONLY_2022, *keys.SHARED_HISTORIC, *keys.MACHINE, *keys.NETWORK}
)
VALUES = st.sampled_from(
    [
        "calico",
        "true",
        '"false"',
        "4",
        "1.36",
        "10.20.30.11",
        "10.1.0.0/16",
        "{}",
        "[]",
        "[{}]",
        "{name: libvirt}",
        "",
    ]
)


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_parse_raises_only_its_own_error_for_any_bytes(data: bytes) -> None:
    try:
        assert isinstance(parse(data), LabSpec)
    except DefinitionError as error:
        assert error.problems


@settings(max_examples=300)
@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@`?,# \n\t\\0~<=", max_size=60))
def test_parse_raises_only_its_own_error_for_any_yaml_marks(text: str) -> None:
    try:
        assert isinstance(parse(text), LabSpec)
    except DefinitionError as error:
        assert error.problems


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(WORDS), VALUES, min_size=1, max_size=6))
def test_parse_raises_only_its_own_error_for_any_known_keys(settings_: dict[str, str]) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in settings_.items())
    try:
        parsed = read(text)
    except DefinitionError as error:
        assert error.problems
    else:
        assert parse(export(parsed.spec, parsed.generation)) == parsed.spec


MACHINE_SIZES = st.fixed_dictionaries({"cpus": st.integers(2, 64), "memory_mib": st.integers(2048, 262_144)})
SPECS = st.fixed_dictionaries(
    {
        "scope": st.sampled_from(keys.SCOPES),
        "kubernetes": st.fixed_dictionaries(
            {"version": st.sampled_from(["1.36", "v1.36.1", "ci/latest-1.38", "stable"])},
            optional={"control_plane_version": st.sampled_from(["1.35.2", '""'])},
        ),
        "cni": st.sampled_from(keys.CNIS),
        "vm": st.fixed_dictionaries({"linux": MACHINE_SIZES, "windows": MACHINE_SIZES}),
        "network": st.fixed_dictionaries({"pod_cidr": st.integers(0, 255).map(lambda n: f"172.{n}.0.0/16")}),
        "provider": st.sampled_from(
            [
                *keys.PROVIDERS,
                {"name": "libvirt", "driver": "qemu", "nested": "true"},
                {"name": "hyperv", "switch": "A b"},
            ]
        ),
        "rehearsal": st.fixed_dictionaries({}, optional={"speed": st.sampled_from(["0.5", "20", "1000"])}),
    }
)


def flow(value: object) -> str:
    """Write a value as one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    return str(value)


@settings(max_examples=200)
@given(SPECS, st.sampled_from(sorted(GENERATIONS)))
def test_export_reads_back_equal_for_any_definition(values: dict[str, object], generation: str) -> None:
    spec = parse("".join(f"{key}: {flow(value)}\n" for key, value in values.items()))

    assert parse(export(spec, "ours")) == spec
    assert isinstance(export(spec, generation), str)  # type: ignore[arg-type]
