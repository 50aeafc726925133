"""A lock that only one process has at a time. The operating system holds it: it goes with its process, however that
ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from analyzer.errors import SanshoError

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def only_one(path: Path, subject: Path) -> Iterator[None]:
    """Hold the lock of a file, which goes away afterwards. subject: what messages call that which it guards.

    Raises SanshoError where another process has it, or where the file cannot be made.
    """
    try:
        descriptor = _opened(path)
    except BlockingIOError:
        raise SanshoError(f"{subject}: another run is writing to it; wait until it is finished") from None
    except OSError as error:
        raise SanshoError(f"{subject}: cannot be written: {error.strerror or error}") from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file, and an empty one that is left does no harm
            path.unlink()
        os.close(descriptor)


def _opened(path: Path) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _take(descriptor)
            # Whoever had it before may have removed the file meanwhile: a lock on what nobody finds is none.
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        except PermissionError as error:  # what Windows says of a lock that another has
            os.close(descriptor)
            raise BlockingIOError(error.errno, "is locked") from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
