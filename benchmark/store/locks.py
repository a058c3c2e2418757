"""Locks, one per seed, so that only one process makes a run; and the folder that holds them."""

import errno
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from filelock import FileLock, Timeout

from benchmark.errors import BenchmarkError
from benchmark.spec import Cell
from benchmark.store.runs import Store

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None

FAILURE = "failure.txt"
"""File in a program's folder of checkpoints with the reason why its last attempt failed."""
PATIENCE = 0.5
"""Seconds to wait for a lock: another process may hold it briefly just to test it."""


def shelf_of(store: Store, cell: Cell) -> Path:
    """The folder of a cell's locks and of its programs' checkpoints."""
    return store.root / "checkpoints" / cell.key


def folder_of(store: Store, cell: Cell, seeds: tuple[int, ...]) -> Path:
    """The folder of the checkpoints of a program that trains these seeds."""
    name = "seed-" + "-".join(map(str, seeds))
    if len(name) > 64:
        name = "seeds-" + hashlib.sha256(name.encode()).hexdigest()[:16]
    return shelf_of(store, cell) / name


@contextmanager
def only_one(store: Store, cell: Cell, seeds: tuple[int, ...]) -> Iterator[bool]:
    """Lock these runs until the block ends; yield False if another process holds one of them.

    The system releases the locks of a dead process, so none is ever left behind.
    """
    held: list[FileLock] = []
    try:
        for seed in sorted(seeds):
            lock = lock_of(store, cell, seed)
            try:
                lock.acquire(timeout=PATIENCE)
            except Timeout:
                yield False
                return
            held.append(lock)
        yield True
    finally:
        for lock in held:
            lock.release()


def lock_path(store: Store, cell: Cell, seed: int) -> Path:
    """The file that is locked while the run (cell, seed) is made; it is not removed afterwards."""
    return shelf_of(store, cell) / f"seed-{seed}.lock"


def lock_of(store: Store, cell: Cell, seed: int) -> FileLock:
    """The lock that a process must hold to make the run (cell, seed). Raises BenchmarkError."""
    path = lock_path(store, cell, seed)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise OSError(errno.EINVAL, "Not a regular file")
        with path.open("a"):
            return FileLock(path)
    except OSError as error:
        raise BenchmarkError(f"{path}: cannot be stored: {error}") from None


def is_locked(store: Store, cell: Cell, seed: int) -> bool:
    """True if a process is making the run (cell, seed). Never writes and never blocks others."""
    path = lock_path(store, cell, seed)
    try:
        if not path.is_file():
            return False
        if fcntl is None:
            with FileLock(path).acquire(timeout=0):
                return False
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except (BlockingIOError, Timeout):
        return True
    except OSError:  # no process can write to it, so none holds it
        return False
