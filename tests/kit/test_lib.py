"""What every Linux step shares: reading values, changing files, downloading."""

import hashlib
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.kit.labs import KIT

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def lab_json(tmp_path: Path) -> Path:
    (tmp_path / "lab.flat").write_text(
        "prefix=talk-1-\nnetwork.subnet=192.168.56.0/24\nkubernetes.version=1.36.1\n"
        "machines.controlplane.role=control-plane\nmachines.controlplane.ip=192.168.56.10\n"
        "machines.winw1.role=windows\nmachines.winw1.ip=$(touch pwned)\n"
    )
    return tmp_path / "lab.json"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address and folder of a web server on loopback."""
    folder = tmp_path / "www"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}", folder
        found.shutdown()
        thread.join()


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def run(lab_json: Path, script: str, machine: str = "controlplane") -> Done:
    """Run bash lines after lib.sh, as a step does."""
    text = f'STEP=test; . "{KIT}/linux/lib.sh"\n{script}'
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LABKIT_ROOT": str(lab_json.parent / "root")}
    return subprocess.run(
        ["bash", "-c", text, "step", lab_json, machine],
        cwd=lab_json.parent,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("lab_value kubernetes.version", "1.36.1"),
        ("machine_value ip", "192.168.56.10"),
        ("prefix_length", "24"),
        ("machines_of_role windows", "winw1\n"),
        ("lab_value no.such.key", ""),
        ("minor_of v1.36.1", "36"),
    ],
)
def test_value_is_read(lab_json: Path, expression: str, value: str) -> None:
    assert run(lab_json, expression).stdout == value


def test_value_is_never_evaluated(lab_json: Path) -> None:
    done = run(lab_json, "lab_ip", machine="winw1")

    assert done.returncode == 1
    assert "is not an IPv4 address" in done.stderr
    assert not (lab_json.parent / "pwned").exists()


@pytest.mark.parametrize("text", ["1.36", "latest", "1.36.1; reboot", "1.36.1\n2", ""])
def test_version_that_is_not_exact_ends_the_step(lab_json: Path, text: str) -> None:
    done = run(lab_json, f"version=$(want_version $'{text}')\necho went on")

    assert done.returncode == 1
    assert "went on" not in done.stdout


def test_file_is_written_once(lab_json: Path) -> None:
    write = "put_file /etc/x.conf 640 <<<text\n"

    done = run(lab_json, write + write + 'echo "$CHANGES"')

    assert done.stdout == "changed: /etc/x.conf\n1\n"
    assert (lab_json.parent / "root/etc/x.conf").stat().st_mode & 0o777 == 0o640


def test_state_is_json_with_the_count_of_changes(lab_json: Path) -> None:
    run(lab_json, 'changed it\ndone_with "ip=1.2.3.4"')

    text = (lab_json.parent / "root/var/lib/labkit/state/test.json").read_text()
    assert '"changes": 1' in text
    assert '"ip": "1.2.3.4"' in text


def test_download_is_kept_when_its_checksum_is_right(lab_json: Path, server: tuple[str, Path]) -> None:
    url, folder = server
    (folder / "tool").write_bytes(b"tool" * 1000)
    sha256 = hashlib.sha256(b"tool" * 1000).hexdigest()

    done = run(lab_json, f'fetch {url}/tool "$PWD/tool" {sha256}\n' * 2)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("downloading") == 1


def test_corrupted_download_is_thrown_away(lab_json: Path, server: tuple[str, Path]) -> None:
    url, folder = server
    (folder / "tool").write_bytes(b"other")

    done = run(lab_json, f'fetch {url}/tool "$PWD/tool" {"0" * 64}')

    assert done.returncode == 1
    assert "checksum wrong" in done.stderr
    assert not list(lab_json.parent.glob("tool*"))


@pytest.mark.parametrize(
    "text", ["{hash}\n", "{hash}  tool\n", "{other}  tool.asc\n{hash} *tool\n"], ids=["bare", "named", "list"]
)
def test_published_checksum_is_found(lab_json: Path, server: tuple[str, Path], text: str) -> None:
    url, folder = server
    (folder / "tool.sha256").write_text(text.format(hash="a" * 64, other="b" * 64))

    assert run(lab_json, f"published_sha256 {url}/tool.sha256 tool").stdout == "a" * 64 + "\n"


def test_wait_that_never_ends_ends(lab_json: Path) -> None:
    done = run(lab_json, 'wait_for 1 "the moon" false')

    assert done.returncode == 1
    assert "Gave up after 1 s: the moon" in done.stderr


def test_a_file_comes_from_its_maker_when_the_lab_host_does_not_serve_it(
    lab_json: Path, server: tuple[str, Path]
):
    url, folder = server
    (folder / "kubelet").write_bytes(b"content")
    (lab_json.parent / "list.flat").write_text(
        f"linux.kubelet.url=http://127.0.0.1:1/kubelet\nlinux.kubelet.origin={url}/kubelet\n"
        f"linux.kubelet.sha256={hashlib.sha256(b'content').hexdigest()}\nlinux.kubelet.version=1\n"
    )

    done = run(lab_json, 'CACHE="$PWD/cache"; fetch_entry list.flat linux.kubelet; cat "$FETCHED"')

    assert "does not serve http://127.0.0.1:1/kubelet" in done.stderr
    assert done.stdout.endswith("content")
