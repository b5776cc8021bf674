"""The cache's HTTP server as a guest sees it, and the lists that lead there."""

import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import pytest

from webapp.downloads.lists import offered, original, served, wanted
from webapp.downloads.server import FileServer

MIB = 1024 * 1024
CONTENT = bytes(range(256)) * 1000
URL = "https://dl.k8s.io/v1.36.1/kubelet.exe"
ENTRY = {"url": URL, "file": "kubelet.exe", "sha256": "", "sha256_url": f"{URL}.sha256", "version": "1.36.1"}
LISTS = {"linux": {}, "windows": {"kubelet": ENTRY}, "apt": {"key": "https://pkgs.k8s.io/key"}}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    (tmp_path / "kubelet.exe").write_bytes(CONTENT)
    (tmp_path / "secret").write_text("not served")
    with FileServer("127.0.0.1", {"dl.k8s.io/v1.36.1/kubelet.exe": tmp_path / "kubelet.exe"}) as server:
        yield server


def test_a_guest_gets_the_file_and_its_rest(server: FileServer):
    url = f"{server.url}/dl.k8s.io/v1.36.1/kubelet.exe"

    with urlopen(url) as whole, urlopen(Request(url, headers={"Range": "bytes=255000-"})) as rest:
        assert whole.read() == CONTENT
        assert (rest.status, rest.read()) == (206, CONTENT[255000:])


def test_part_of_a_large_file_costs_no_memory(tmp_path: Path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(64 * MIB)
    got = 0
    tracemalloc.start()
    try:
        with FileServer("127.0.0.1", {"large": tmp_path / "large"}) as server:
            asked = Request(f"{server.url}/large", headers={"Range": f"bytes=1-{64 * MIB - 2}"})
            with urlopen(asked) as answer:
                while block := answer.read(MIB):
                    got += len(block)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert (got, peak < 16 * MIB) == (64 * MIB - 2, True)


def test_curl_goes_on_with_a_part(server: FileServer, tmp_path: Path):
    part = tmp_path / "part"
    part.write_bytes(CONTENT[:1234])

    subprocess.run(
        ["curl", "-fsS", "-C", "-", "-o", part, f"{server.url}/dl.k8s.io/v1.36.1/kubelet.exe"], check=True
    )

    assert part.read_bytes() == CONTENT


@pytest.mark.parametrize("path", ["secret", "", "dl.k8s.io/../secret", "%2e%2e/secret", "../../etc/passwd"])
def test_nothing_else_is_served(server: FileServer, path: str):
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{server.url}/{path}")


def test_it_is_gone_when_no_lab_needs_it(tmp_path: Path):
    with FileServer("127.0.0.1", {}) as server:
        url = server.url

    with pytest.raises(URLError, match="refused"):
        urlopen(url)


def test_a_served_entry_has_its_address_here_its_makers_and_the_hash():
    lists = served(LISTS, "http://192.168.56.1:4711", {URL: "f" * 64})

    entry = lists["windows"]["kubelet"]
    assert entry["url"] == "http://192.168.56.1:4711/dl.k8s.io/v1.36.1/kubelet.exe"
    assert (entry["origin"], entry["sha256"], entry["sha256_url"]) == (URL, "f" * 64, "")
    assert lists["apt"] == LISTS["apt"]


@pytest.mark.parametrize(
    ("base_url", "is_kept"),
    [("http://192.168.56.1:4711", True), ("http://192.168.56.1:4712", False)],
    ids=["this run's server", "one that is gone"],
)
def test_what_another_step_offered_stays_while_its_server_does(base_url: str, is_kept: bool):
    entry = {"binary": "kubelet", "source": "build", "url": "", "sha256": "", "sha256_url": "", "path": ""}
    address = ("http://192.168.56.1:4711/files/kubelet.exe", "f" * 64)
    lists = offered({"linux": [], "windows": [entry]}, {("windows", "kubelet"): address})

    found = served(lists, base_url, {})["windows"][0]

    assert (found["url"], found["sha256"]) == (address if is_kept else ("", ""))


def test_the_makers_address_comes_back_with_the_hash_that_was_verified():
    lists = original(served(LISTS, "http://192.168.56.1:4711", {URL: "f" * 64}))

    assert lists["windows"]["kubelet"] == {**ENTRY, "sha256": "f" * 64, "sha256_url": ""}
    assert [one.url for one in wanted(lists)] == [URL]


def test_what_is_not_in_the_cache_keeps_its_makers_address():
    assert served(LISTS, "http://192.168.56.1:4711", {}) == LISTS
