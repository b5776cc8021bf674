"""What go build says, as progress and findings."""

import pytest

from webapp.builds.compiler import CompilerOutput, find_error


def test_packages_are_counted_once() -> None:
    output = CompilerOutput()

    output.translate(["internal/abi", "k8s.io/component-base/version", "internal/abi", "# k8s.io/x"])

    assert output.packages == {"internal/abi", "k8s.io/component-base/version"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("cmd/kubelet/main.go:7:2: undefined: x", ("cmd/kubelet/main.go", 7, 2)),
        ("./main.go:12: syntax error", ("main.go", 12, 0)),
        ("vendor/a/b.go:1:1: expected 'package', found 'EOF'", ("vendor/a/b.go", 1, 1)),
        ("/usr/lib/go/src/x.go:1:1: boom", ("", 1, 1)),
        ("go: updates to go.mod needed, disabled by -mod=vendor", ("", 0, 0)),
    ],
)
def test_error_is_found_with_its_place(text: str, place: tuple[str, int, int]) -> None:
    finding = find_error(text)

    assert finding and (finding["path"], finding["line"], finding["column"]) == place


@pytest.mark.parametrize("text", ["", "internal/abi", "# k8s.io/x", "note: module requires Go 1.30", "a:b"])
def test_other_lines_are_no_finding(text: str) -> None:
    assert find_error(text) is None


def test_same_error_counts_once_and_many_are_bounded() -> None:
    output = CompilerOutput()

    output.translate([f"a.go:{number % 150}: no" for number in range(300)])

    assert len(output.findings) == 100
