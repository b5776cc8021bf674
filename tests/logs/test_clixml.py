"""PowerShell's serialised errors, warnings and progress, made readable."""

import pytest

from webapp.logs.clixml import expand_clixml
from webapp.logs.lines import LINE_BYTES, LogLine

OPEN = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'


def said(text: str) -> list[tuple[str, str]]:
    return [(line.stream, line.text) for line in expand_clixml([LogLine("winw1", "output", text)])]


def record(activity: str, percent: int, detail: str = " ") -> str:
    values = f"<AV>{activity}</AV><AI>0</AI><Nil /><PC>{percent}</PC><T>Processing</T><SD>{detail}</SD>"
    return f'<Obj S="progress" RefId="0"><MS><I64 N="SourceId">1</I64><PR N="Record">{values}</PR></MS></Obj>'


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("#< CLIXML", [], id="announcement"),
        pytest.param(
            OPEN
            + '<S S="Error">kubelet : not_x000D__x000A_</S>'
            + '<S S="Error">At &lt;line_x0027_1&gt;_x000D__x000A_</S></Objs>',
            [("error", "kubelet : not"), ("error", "At <line'1>")],
            id="error",
        ),
        pytest.param(OPEN + '<S S="warning">slow</S></Objs>', [("error", "WARNING: slow")], id="warning"),
        pytest.param(f"a#< CLIXML{OPEN}</Objs>b", [("output", "a"), ("output", "b")], id="text-around"),
        pytest.param(
            OPEN
            + record("Installing", 3)
            + record("Installing", 90, "Containers")
            + record("Done", -1)
            + "</Objs>",
            [("output", "Installing · Containers · 90 %"), ("output", "Done")],
            id="progress",
        ),
        pytest.param(OPEN + '<S S="Error">cut_x000A_</S><S S="Err', [("error", "cut")], id="cut-off"),
        pytest.param(
            OPEN + '<S S="Error">_xD83D__xDE00_ _xD83D_</S></Objs>', [("error", "😀 �")], id="surrogates"
        ),
        pytest.param("plain", [("output", "plain")], id="plain"),
    ],
)
def test_what_powershell_says(text: str, lines: list[tuple[str, str]]):
    assert said(text) == lines


def test_a_long_text_inside_is_cut():
    (line,) = said(OPEN + f'<S S="Error">{"e" * 100_000}</S></Objs>')

    assert len(line[1]) < LINE_BYTES + 50
    assert line[1].endswith("bytes more]")


def test_any_number_of_documents_in_one_line_is_read():
    assert (
        said((OPEN + '<S S="Error">no</S></Objs>and') * 3000) == [("error", "no"), ("output", "and")] * 3000
    )


def test_a_long_text_beside_a_document_is_cut():
    (line,) = said("x" * 100_000 + "#< CLIXML")

    assert line[1].endswith("bytes more]")
