"""Snapshots on disk: what a killed run goes on from, bit for bit.

``<store>/checkpoints/<cell key>/<seeds>/`` holds the newest two as ``round-<n>.checkpoint``:
the SHA-256 of what follows in hexadecimal, a newline, and a safetensors archive, which can hold
tensors and nothing that runs. One of them, ``header``, is the JSON of a :class:`Header`: whose
snapshot it is. What does not belong to the run is refused in one line, and the one before it
is taken. The folder goes when the run is stored.
"""

import hashlib
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from filelock import FileLock, Timeout
from pydantic import ValidationError
from safetensors import SafetensorError

from benchmark import places
from benchmark.engine.recorder import Snapshot
from benchmark.errors import BenchmarkError
from benchmark.spec import Cell, Record
from benchmark.spec.validation import explain
from benchmark.store import FORMAT, Store, write_synced
from datasets.files import read_bytes

EVERY = 60.0  # seconds between two checkpoints, if saving is cheap
COST = 50  # as many times the last save's duration at least
KEPT = 2
FAILURE = "failure.txt"
"""In a program's folder of snapshots: why its last try ended."""
LARGEST = 2**36  # bytes of a checkpoint

Say = Callable[[str], None]
Check = Callable[[Snapshot], None]


class Identity(Record):
    """Everything that must be the same for a run to go on from a snapshot."""

    format: int = FORMAT
    cell: str
    seeds: tuple[int, ...]
    method: str
    partition: str
    engine: str
    torch: str
    device: str
    precision: str = "float32"


class Header(Record):
    """Whose snapshot, after how many rounds and seconds, when the run first started, and after
    which rounds it had gone on from a snapshot before."""

    identity: Identity
    rounds: int
    seconds: float
    started: str
    resumed: tuple[int, ...]


def identity(
    cell: Cell,
    seeds: tuple[int, ...],
    method: str,
    partition: str,
    device: torch.device,
    precision: str = "float32",
) -> Identity:
    """Of the run that this process is about to make. method, partition: their digests."""
    engine = hashlib.sha256()
    for path in sorted(places.ENGINE.glob("*.py")):
        engine.update(path.name.encode() + path.read_bytes())
    return Identity(
        cell=cell.digest,
        seeds=seeds,
        method=method,
        partition=partition,
        engine=engine.hexdigest(),
        torch=str(torch.__version__),
        device=device.type,
        precision=precision,
    )


def folder_of(store: Store, cell: Cell, seeds: tuple[int, ...]) -> Path:
    """Where a program that trains these seeds keeps its snapshots."""
    name = "seed-" + "-".join(map(str, seeds))
    if len(name) > 64:
        name = "seeds-" + hashlib.sha256(name.encode()).hexdigest()[:16]
    return shelf_of(store, cell) / name


@dataclass
class Checkpoints:
    """The snapshots of one program's run."""

    folder: Path
    identity: Identity
    started: str
    every: float = EVERY
    """Seconds between two; 0: after every round."""
    resumed: tuple[int, ...] = ()
    _due: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._wait(0.0)

    @property
    def due(self) -> bool:
        """Is it time for the next? By a clock that never goes back."""
        return time.monotonic() >= self._due

    def save(self, snapshot: Snapshot) -> None:
        """Write it beside the others, then drop all but the newest two.

        A crash at any moment leaves the earlier ones whole. Raises OSError.
        """
        start = time.monotonic()
        header = Header(
            identity=self.identity,
            rounds=snapshot.rounds,
            seconds=snapshot.seconds,
            started=self.started,
            resumed=self.resumed,
        )
        text = np.frombuffer(header.model_dump_json().encode(), dtype=np.uint8)
        tensors = {n: t.detach().cpu().contiguous() for n, t in snapshot.tensors.items()}
        tensors["header"] = torch.from_numpy(text.copy())
        body = safetensors.torch.save(tensors)
        place = self.folder / f"round-{snapshot.rounds:08d}.checkpoint"
        part = place.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_synced(part, hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
            os.replace(part, place)
            _sync(self.folder)
            for old in newest_first(self.folder)[KEPT:]:
                old.unlink(missing_ok=True)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise
        finally:
            self._wait(time.monotonic() - start)

    def resume(self, say: Say, check: Check = lambda _: None) -> Snapshot | None:
        """The newest usable snapshot, from which the run goes on; ``say`` hears refusals.

        ``check`` raises BenchmarkError for one that cannot be of this run.
        """
        for path in newest_first(self.folder):
            try:
                header, snapshot = read(path)
                if header.identity != self.identity:
                    raise BenchmarkError(f"{path}: {_differs(header.identity, self.identity)}")
                try:
                    check(snapshot)
                except BenchmarkError as error:
                    raise BenchmarkError(f"{path}: {error}") from None
                self.started, self.resumed = header.started, (*header.resumed, header.rounds)
                return snapshot
            except BenchmarkError as error:
                say(f"{error}; not used")
        return None

    def clear(self) -> None:
        """The run is stored: nothing to go on from is needed."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self, cost: float) -> None:
        self._due = time.monotonic() + (max(self.every, COST * cost) if self.every else 0.0)


def newest_first(folder: Path) -> list[Path]:
    """A program's snapshots."""
    return sorted(folder.glob("round-*.checkpoint"), reverse=True)


def read(path: Path) -> tuple[Header, Snapshot]:
    """A checkpoint; a damaged one raises BenchmarkError."""
    try:
        blob = memoryview(read_bytes(path, LARGEST))
        digest, body = bytes(blob[:64]), bytes(blob[65:])
        if hashlib.sha256(body).hexdigest().encode() != digest:
            raise BenchmarkError(f"{path}: damaged (checksum differs)")
        # Copies lie at torch's own alignment, on which the bits of a product may depend.
        tensors = {name: t.clone() for name, t in safetensors.torch.load(body).items()}
        header = Header.model_validate_json(tensors.pop("header").numpy().tobytes())
        if not (header.rounds > 0 and math.isfinite(header.seconds)):
            raise BenchmarkError(f"{path}: rounds, seconds: not those of a run")
    except OSError as error:
        raise BenchmarkError(f"{path}: {error.strerror}") from None
    except (SafetensorError, KeyError, ValidationError, RuntimeError) as error:
        reason = explain(Header, error) if isinstance(error, ValidationError) else error
        raise BenchmarkError(f"{path}: not a checkpoint ({reason})") from None
    return header, Snapshot(header.rounds, header.seconds, tensors)


@contextmanager
def only_one(store: Store, cell: Cell, seeds: tuple[int, ...]) -> Iterator[bool]:
    """Yields whether these runs are this process's alone, until the block ends.

    The system drops a dead process's locks, so none is ever left behind.
    """
    held: list[FileLock] = []
    try:
        for seed in sorted(seeds):
            lock = lock_of(store, cell, seed)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                yield False
                return
            held.append(lock)
        yield True
    finally:
        for lock in held:
            lock.release()


def shelf_of(store: Store, cell: Cell) -> Path:
    """The folder of a cell's locks and of its programs' snapshots."""
    return store.root / "checkpoints" / cell.key


def lock_path(store: Store, cell: Cell, seed: int) -> Path:
    """The file that is locked while the run (cell, seed) is made; it stays afterwards."""
    return shelf_of(store, cell) / f"seed-{seed}.lock"


def lock_of(store: Store, cell: Cell, seed: int) -> FileLock:
    """What the process that makes the run (cell, seed) holds; raises BenchmarkError."""
    path = lock_path(store, cell, seed)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a"):
            return FileLock(path)
    except OSError as error:
        raise BenchmarkError(f"{path}: cannot be stored: {error}") from None


def _differs(found: Identity, wanted: Identity) -> str:
    ours, theirs = wanted.model_dump(), found.model_dump()
    names = ", ".join(name for name in ours if ours[name] != theirs[name])
    return f"the checkpoint of a run with another {names}"


def _sync(folder: Path) -> None:
    """Make a rename last through a power cut, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
