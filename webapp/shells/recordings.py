"""Where recordings lie."""

from pathlib import Path

from django.conf import settings

from webapp.shells.models import Recording


def recording_file(recording: Recording) -> Path:
    """Return the path of an asciicast, below a folder that only this user can open."""
    folder = Path(settings.VAR_DIR) / "shells" / "recordings"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{recording.pk}.cast"
