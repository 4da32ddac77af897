"""Files that are never half-written."""

from __future__ import annotations

import contextlib
import os


def write_atomic(path: str, data: bytes, mode: int = 0o600, *, make_folder: bool = True) -> None:
    """Replace a file in one step, private to its owner. Raises OSError; then nothing has changed."""
    folder = os.path.dirname(path)
    if make_folder:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = os.path.join(folder, f".{os.path.basename(path)}.{os.getpid()}.tmp")
    try:
        # A leftover of a killed run with the same process id would keep its own mode.
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(handle, "wb") as file:
            file.write(data)
        # The umask may have taken bits that the file replaced has.
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
