"""The driver's own part: variables, error classes, what a crash says. Verbs: tests/contracts."""

import sys
from pathlib import Path

import pytest
from django.conf import settings

from webapp.vagrant.driver import (
    CommandTimedOut,
    RehearsalDriver,
    VagrantDriver,
    VagrantError,
    WinrmMissing,
    find_vagrant,
    vagrant_env,
)
from webapp.vagrant.errors import MachineLocked, MachineNotReady, error_for, error_from_crash

CRASH = "<internal:/usr/lib/ruby>: cannot load such file -- winrm (LoadError)\n"


def fake_vagrant(folder: Path, program: str) -> VagrantDriver:
    """Return a driver of an executable that plays one answer of a broken Vagrant."""
    path = folder / "vagrant"
    path.write_text(f"#!{sys.executable}\n{program}\n")
    path.chmod(0o700)
    return VagrantDriver(folder, executable=path, vagrant_home=folder / "home")


def test_vagrant_gets_a_closed_list_of_variables() -> None:
    environ = {
        "PATH": "/bin",
        "SECRET_KEY": "x",
        "DATABASE_URL": "y",
        "LIBVIRT_DEFAULT_URI": "qemu:///system",
    }

    env = vagrant_env(Path("/var/vagrant.d"), environ)

    assert env == {
        "PATH": "/bin",
        "LIBVIRT_DEFAULT_URI": "qemu:///system",
        "HOME": "/var/vagrant.d/user",
        "VAGRANT_HOME": "/var/vagrant.d",
        "LANG": "C.UTF-8",
        "VAGRANT_CHECKPOINT_DISABLE": "1",
        "VAGRANT_MAX_REBOOT_RETRY_DURATION": "900",
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Vagrant::Errors::MachineActionLockedError", MachineLocked),
        ("Vagrant::Errors::EnvironmentLockedError", MachineLocked),
        ("VagrantPlugins::CommunicatorWinRM::Errors::WinRMNotReady", MachineNotReady),
        ("Vagrant::Errors::BoxNotFound", VagrantError),
        ("", VagrantError),
    ],
)
def test_error_for_maps_vagrants_classes(name: str, expected: type[VagrantError]) -> None:
    error = error_for(name, "why")

    assert type(error) is expected
    assert (error.error_class, str(error)) == (name.rpartition("::")[2], "why")


def test_a_crash_for_want_of_winrm_names_the_remedy() -> None:
    error = error_from_crash(CRASH)

    assert isinstance(error, WinrmMissing)
    assert "vagrant plugin install winrm" in str(error)


def test_a_crash_is_told_by_its_last_words() -> None:
    assert str(error_from_crash("one\n two \n\n")) == "two"
    assert "said nothing" in str(error_from_crash(""))


def test_status_of_a_crashing_vagrant_is_an_error(tmp_path: Path) -> None:
    driver = fake_vagrant(tmp_path, "import sys; sys.exit('boom.rb:1: vagrant broke')")

    with pytest.raises(VagrantError, match="vagrant broke"):
        driver.status()


def test_a_question_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    driver = fake_vagrant(tmp_path, "import time; time.sleep(60)")

    with pytest.raises(CommandTimedOut, match=r"status did not answer within 0\.3 s"):
        driver.status(timeout_s=0.3)


def test_run_tells_the_guests_words_from_vagrants(tmp_path: Path) -> None:
    said = "1795363299,a,metadata,provider,x\\n1795363299,a,action,ssh_run,start\\n"
    said += "out 1,2\\nlast1795363301,a,action,ssh_run,end\\n"
    driver = fake_vagrant(tmp_path, f"import sys; print('{said}', end=''); sys.exit(3)")

    done = driver.run("a", "anything")

    assert (done.code, done.output) == (3, "out 1,2\nlast")


def test_python_vagrants_own_questions_have_the_time_limit_too(tmp_path: Path) -> None:
    driver = fake_vagrant(
        tmp_path, "print('1,,plugin-name,x\\n1,x,plugin-version,1.0%!(VAGRANT_COMMA) global')"
    )

    assert [plugin.name for plugin in driver.plugin_list()] == ["x"]


def test_find_vagrant_takes_the_setting_or_nothing(tmp_path: Path) -> None:
    fake_vagrant(tmp_path, "")

    assert find_vagrant(str(tmp_path / "vagrant")) == tmp_path / "vagrant"
    assert find_vagrant(str(tmp_path / "missing")) is None


def test_a_vagrant_that_is_gone_is_told_as_such(tmp_path: Path) -> None:
    driver = fake_vagrant(tmp_path, "")
    (tmp_path / "vagrant").unlink()

    with pytest.raises(VagrantError, match=r"vagrant status cannot be run: There is no program .*vagrant"):
        driver.status()


@pytest.mark.parametrize("text", ["{", "[]", '{"machines": 3}', '{"machines": [{"name": "a"}]}', "\ud800"])
def test_a_lab_json_that_somebody_broke_is_told_as_such(tmp_path: Path, text: str) -> None:
    driver = fake_vagrant(tmp_path, "")
    (tmp_path / "lab.json").write_text(text, errors="surrogatepass")

    with pytest.raises(VagrantError, match=r"lab\.json is not as it was made"):
        driver.run("a", "exit 0")


def test_rehearsal_is_played_by_this_python_whatever_the_path_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\necho SyntaxError: I am too old >&2; exit 1\n")
    old.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    player = Path(settings.ENVIRONMENTS_DIR) / "rehearsal" / "vagrant"

    driver = RehearsalDriver(tmp_path, executable=player, vagrant_home=tmp_path / "home")

    assert driver.version() == "2.4.9"
