"""Read regular files of a bounded size; write files and folders whole or not at all."""

import errno
import os
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from uuid import uuid4


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a regular file of at most `most` bytes.

    Raises OSError if the file is missing or larger, or if it is a folder, a pipe or a device.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    if status.st_size > most:
        raise OSError(errno.EFBIG, f"{status.st_size:,} bytes, allowed: {most:,}", str(path))
    return path.read_bytes()


def write_whole(place: Path, content: bytes | Mapping[str, bytes]) -> None:
    """Write a file, or a folder of files, whole or not at all, and wait until it is on the disk.

    Missing parent folders are created. A file at `place` is replaced in one step. A folder is
    replaced in two renames: between them the old one is at `replaced(place)`, where it stays if
    the writer is killed at that moment.
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
    """The path of the old folder of `place` while a new one replaces it."""
    return place.with_name(f".{place.name}.old")


def place_of(old: Path) -> Path:
    """The inverse of `replaced`: the place that the folder `old` comes from."""
    return old.with_name(old.name.removeprefix(".").removesuffix(".old"))


def litter(place: Path) -> list[Path]:
    """The files and folders that killed writers left beside `place`."""
    return sorted(place.parent.glob(f".{place.name}.*"))


def tidy(place: Path) -> None:
    """Remove the files and folders that killed writers left beside `place`.

    No process may be writing to `place`. A folder that was about to be replaced is moved back.
    """
    old = replaced(place)
    if old.exists() and not place.exists():
        os.replace(old, place)
    for path in litter(place):
        _remove(path)


def _exchange(draft: Path, place: Path) -> None:
    old = replaced(place)
    if draft.is_dir() and place.exists():
        shutil.rmtree(old, ignore_errors=True)  # left by a writer killed after its last rename
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
    """Make a rename survive a power cut, on systems that can."""
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
