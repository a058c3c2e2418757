"""Reading a file that may be anything: nothing is read before its kind and size are known."""

import errno
import stat
from pathlib import Path


def read_bytes(path: Path, most: int) -> bytes:
    """What a regular file of at most `most` bytes holds.

    Raises OSError where there is none, where it is a folder, a pipe or a device, and where it
    is larger.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    if status.st_size > most:
        raise OSError(errno.EFBIG, f"{status.st_size:,} bytes, allowed: {most:,}", str(path))
    return path.read_bytes()
