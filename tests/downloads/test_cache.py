"""Downloads from a publisher on loopback: resumed, refused when wrong, fetched once, pruned."""

import hashlib
import os
import threading
from pathlib import Path

import pytest

from tests.downloads.conftest import Publisher
from webapp.downloads.cache import Cache, Cached, DownloadError, Stopped, Wanted, hash_in

CONTENT = bytes(range(256)) * 4000
HASH = hashlib.sha256(CONTENT).hexdigest()
OTHER = "0" * 64


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache", limit_bytes=10**9, pause_s=0.01)


@pytest.fixture
def wanted(publisher: Publisher) -> Wanted:
    publisher.files["/v1/kubelet.exe"] = CONTENT
    publisher.files["/v1/kubelet.exe.sha256"] = f"{HASH}  kubelet.exe\n".encode()
    url = f"{publisher.url}/v1/kubelet.exe"
    return Wanted(url, sha256_url=f"{url}.sha256")


def downloads(publisher: Publisher) -> list[str]:
    return [asked for path, asked in publisher.asked if path == "/v1/kubelet.exe"]


def test_a_file_is_fetched_once_and_kept_where_a_mirror_would(
    cache: Cache, wanted: Wanted, publisher: Publisher
):
    found = cache.get(wanted)
    again = cache.get(wanted)

    assert found == again == Cached(cache.root / publisher.url.partition("://")[2] / "v1/kubelet.exe", HASH)
    assert found.path.read_bytes() == CONTENT
    assert downloads(publisher) == [""]


def test_a_broken_download_goes_on_where_it_stopped(cache: Cache, wanted: Wanted, publisher: Publisher):
    publisher.breaks["/v1/kubelet.exe"] = [1000, 5000]

    assert cache.get(wanted).path.read_bytes() == CONTENT
    assert downloads(publisher) == ["", "bytes=1000-", "bytes=6000-"]


def test_a_download_that_was_stopped_goes_on_in_another_lab(
    cache: Cache, wanted: Wanted, publisher: Publisher
):
    publisher.breaks["/v1/kubelet.exe"] = [700]
    with pytest.raises(Stopped):
        cache.get(wanted, should_stop=lambda: True)

    assert cache.get(wanted).sha256 == HASH
    assert downloads(publisher)[-1] == "bytes=700-"


def test_a_corrupted_download_is_refused_and_thrown_away(cache: Cache, wanted: Wanted, publisher: Publisher):
    publisher.files["/v1/kubelet.exe"] = CONTENT[:-1] + b"!"

    with pytest.raises(DownloadError, match="checksum wrong"):
        cache.get(wanted)

    assert not cache.path_of(wanted.url).exists()
    assert [path for path in cache.files() if path.name != "kubelet.exe"] == []


def test_a_rest_that_does_not_fit_is_fetched_anew(cache: Cache, wanted: Wanted, publisher: Publisher):
    part = cache.path_of(wanted.url).with_name("kubelet.exe.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"of another release" * 10)

    assert cache.get(wanted).path.read_bytes() == CONTENT
    assert downloads(publisher) == ["bytes=180-", ""]


def test_a_part_of_what_nobody_announces_is_not_trusted(cache: Cache, publisher: Publisher):
    publisher.files["/v1/kubelet.exe"] = CONTENT
    url = f"{publisher.url}/v1/kubelet.exe"
    part = cache.path_of(f"{url}.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"of last week's file")

    assert cache.get(Wanted(url)) == Cached(cache.path_of(url), HASH)


def test_a_file_that_rots_on_the_disk_is_fetched_again(cache: Cache, wanted: Wanted, publisher: Publisher):
    cache.get(wanted).path.write_bytes(CONTENT[1:])

    assert cache.get(wanted).path.read_bytes() == CONTENT
    assert len(downloads(publisher)) == 2


def test_two_labs_at_once_fetch_it_once(cache: Cache, wanted: Wanted, publisher: Publisher):
    found: list[Cached] = []
    labs = [threading.Thread(target=lambda: found.append(cache.get(wanted))) for _ in range(4)]

    for lab in labs:
        lab.start()
    for lab in labs:
        lab.join(timeout=20)

    assert {one.sha256 for one in found} == {HASH}
    assert len(found) == 4
    assert downloads(publisher) == [""]


def test_what_is_in_the_cache_needs_no_network(cache: Cache, wanted: Wanted, publisher: Publisher):
    cache.get(wanted)
    publisher.files.clear()

    assert cache.get(wanted).sha256 == HASH


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "/gone", "sha256": OTHER}, "404"),
        ({"sha256_url": "/gone"}, "checksum at"),
        ({"sha256": OTHER}, "checksum wrong"),
    ],
    ids=["no file", "no checksum file", "pinned otherwise"],
)
def test_what_cannot_be_had_says_what(
    cache: Cache, wanted: Wanted, publisher: Publisher, change: dict[str, str], words: str
):
    values = {k: publisher.url + v if v.startswith("/") else v for k, v in change.items()}

    with pytest.raises(DownloadError, match=words):
        cache.get(Wanted(**{"url": wanted.url, "sha256_url": wanted.sha256_url, **values}))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "https://x/../../y", "https:///y", "https://x/a//b"])
def test_an_address_that_leads_out_of_the_cache_is_refused(cache: Cache, url: str):
    with pytest.raises(DownloadError):
        cache.get(Wanted(url))


def test_prune_deletes_what_was_not_used_for_longest_and_nothing_in_use(cache: Cache, publisher: Publisher):
    urls = [f"{publisher.url}/{name}" for name in ("a", "b", "c")]
    for age, url in enumerate(reversed(urls)):
        publisher.files["/" + url[-1]] = CONTENT
        os.utime(cache.get(Wanted(url)).path, (1000 - age, 1000 - age))
    cache.limit_bytes = len(CONTENT)

    with cache.using(urls[0]):
        freed = cache.prune()

    assert freed == 2 * len(CONTENT)
    assert [path.name for path in cache.files()] == ["a"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (HASH, HASH),
        (f"{HASH}  kubelet.exe\n", HASH),
        (f"{OTHER}  other.exe\n{HASH} *kubelet.exe\n", HASH),
        (f"{HASH.upper()}  ./out/kubelet.exe\n", HASH),
        (f"{OTHER}  other.exe\n", ""),
        ("<html>not found</html>", ""),
        ("", ""),
    ],
    ids=["bare", "named", "one of several", "with a folder", "another file", "a page", "empty"],
)
def test_a_hash_is_picked_out_of_a_publishers_file(text: str, found: str):
    assert hash_in(text, "kubelet.exe") == found
