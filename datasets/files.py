"""Files read and written with care: nothing unknown is read, nothing is written in part."""

import errno
import os
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from uuid import uuid4


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


def write_whole(place: Path, content: bytes | Mapping[str, bytes]) -> None:
    """Write a file, or a folder of files, whole or not at all, and wait until it is on the disk.

    Missing folders above are made. What is at `place` is replaced: a file at once; a folder is
    at `replaced(place)` for the moment between two renames, in which a killed writer leaves it.
    Raises OSError.
    """
    made = [folder for folder in place.parents if not folder.exists()]
    place.parent.mkdir(parents=True, exist_ok=True)
    draft = place.with_name(f".{place.name}.{uuid4().hex}")
    try:
        if isinstance(content, bytes):
            _write(draft, content)
        else:
            draft.mkdir()
            for name, blob in content.items():
                _write(draft / name, blob)
            _sync(draft)
        _exchange(draft, place)
        for folder in {place.parent, *(each.parent for each in made)}:
            _sync(folder)
    finally:
        _remove(draft)


def replaced(place: Path) -> Path:
    """Where the folder that was at `place` is while another one takes its place."""
    return place.with_name(f".{place.name}.old")


def place_of(old: Path) -> Path:
    """The place whose folder is at `old` while it is replaced."""
    return old.with_name(old.name.removeprefix(".").removesuffix(".old"))


def litter(place: Path) -> list[Path]:
    """What killed writers left beside `place`."""
    return sorted(place.parent.glob(f".{place.name}.*"))


def tidy(place: Path) -> None:
    """Remove what killed writers left beside `place`; nobody may be writing to it.

    A folder that was about to be replaced goes back to its place.
    """
    old = replaced(place)
    if old.exists() and not place.exists():
        os.replace(old, place)
    for path in litter(place):
        _remove(path)


def _exchange(draft: Path, place: Path) -> None:
    old = replaced(place)
    if draft.is_dir() and place.exists():
        shutil.rmtree(old, ignore_errors=True)  # of a writer killed after it was done
        os.replace(place, old)
    try:
        os.replace(draft, place)
    except BaseException:
        _undo(draft, place)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _undo(draft: Path, place: Path) -> None:
    if draft.is_dir() and replaced(place).exists():
        os.replace(replaced(place), place)


def _write(path: Path, blob: bytes) -> None:
    with path.open("xb") as file:
        file.write(blob)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Make a rename last through a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink() if path.is_file() else shutil.rmtree(path)
