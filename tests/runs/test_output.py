"""What a Vagrant child says of its own failure."""

import pytest

from webapp.logs.lines import LogLine
from webapp.runs.output import VagrantOutput

CRASH = (
    "<internal:/usr/lib/ruby/vendor_ruby/rubygems/core_ext/kernel_require.rb>:85:in `require': "
    "cannot load such file -- winrm (LoadError)"
)


def heard(*texts: str) -> VagrantOutput:
    output = VagrantOutput("winw1")
    output.translate(texts)
    return output


def test_vagrants_own_error_is_the_reason():
    output = heard(
        "1,winw1,ui,error,something else", "1,,error-exit,Vagrant::Errors::VMBootTimeout,Timed out\\nwaiting"
    )

    assert (output.error_class, output.reason) == ("VMBootTimeout", "Timed out waiting")


def test_without_one_the_last_error_line_is():
    assert heard("1,winw1,ui,error,first", "1,winw1,ui,error,last", "1,winw1,ui,info,bye").reason == "last"


def test_a_crash_of_ruby_is_told_with_its_remedy():
    output = heard(CRASH, "\tfrom /usr/bin/vagrant:25:in `<main>'")

    assert output.error_class == "LoadError"
    assert "vagrant plugin install winrm" in output.reason


@pytest.mark.parametrize(
    "text", ["plain text", "1,winw1,ui,output,plain text"], ids=["no record", "a record"]
)
def test_lines_belong_to_the_steps_machine(text: str):
    assert VagrantOutput("winw1").translate([text]) == [LogLine("winw1", "output", "plain text")]


def test_a_long_reason_is_cut():
    assert len(heard(f"1,,error-exit,X,{'a' * 900}").reason) <= 301


@pytest.mark.parametrize(
    "text", [":in `" * 200_000 + ")", ":in `x': " * 100_000 + "(b)"], ids=["open", "many"]
)
def test_a_guest_that_writes_like_a_crash_takes_no_time(text: str):
    """Quadratic patterns took minutes of the worker for one of these lines."""
    assert heard(text).reason == ""
