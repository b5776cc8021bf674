"""Is a machine's box on this host, or can it be had? Looks into Vagrant's home, else asks its address."""

from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

CATALOG = "https://vagrantcloud.com/"
ASK_TIMEOUT_S = 10


def box_state(name: str, version: str, url: str, *, provider: str, vagrant_home: Path) -> str:
    """Return "present", "downloadable", or a sentence why it cannot be had."""
    if is_present(name, version, provider, vagrant_home):
        return "present"
    if url and urlsplit(url).scheme in ("", "file"):
        path = Path(urlsplit(url).path)
        return "downloadable" if path.exists() else f"There is no file {path}."
    return asked(url or CATALOG + quote(name))


def is_present(name: str, version: str, provider: str, vagrant_home: Path) -> bool:
    """Vagrant 2.4 keeps boxes in NAME/VERSION/ARCHITECTURE/PROVIDER, older ones in NAME/VERSION/PROVIDER."""
    folder = vagrant_home / "boxes" / name.replace("/", "-VAGRANTSLASH-")
    versions = [folder / version] if version else [path for path in folder.glob("*") if path.is_dir()]
    return any(next(path.glob(f"**/{provider}"), None) is not None for path in versions)


def asked(url: str) -> str:
    request = Request(url, method="HEAD", headers={"User-Agent": "sig-windows-lab"})  # noqa: S310
    try:
        with urlopen(request, timeout=ASK_TIMEOUT_S):  # noqa: S310 (the box's address, as Vagrant would take it)
            return "downloadable"
    except HTTPError as error:
        return f"{url} answers {error.code}."
    except (OSError, ValueError) as error:
        return f"{url} cannot be reached: {error}."
