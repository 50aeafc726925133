"""Writing files whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from analyzer.errors import SanshoError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file aside and rename it into place, so that nobody ever sees half of it.

    The folder is made where it is missing. Raises SanshoError with the reason where the file cannot be written; what
    stood at the path before is then untouched.
    """
    aside: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "is a folder")
        descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=".part")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(aside).chmod(usual_mode())
        Path(aside).replace(path)
    except (OSError, ValueError) as error:
        if aside is not None:
            Path(aside).unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise SanshoError(f"{path}: cannot be written: {reason}") from None


def usual_mode() -> int:
    """The permissions that a new file gets here."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
