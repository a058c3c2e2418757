"""Snapshots on disk, from which a killed run resumes bit for bit.

``<store>/checkpoints/<cell key>/<seeds>/`` holds the newest two as ``round-<n>.checkpoint`` (see
:mod:`benchmark.store.header`). A checkpoint that does not belong to the run is refused in one
line, and the earlier one is used. The folder is removed when the run is stored.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from benchmark import places
from benchmark.engine.snapshot import Snapshot
from benchmark.errors import BenchmarkError
from benchmark.spec import Cell
from benchmark.store.header import (
    HEADER,
    Header,
    Identity,
    checked_body,
    damage_named,
    newest_first,
    parse_header,
)
from datasets.files import write_whole

MIN_INTERVAL = 50
"""Wait at least this many times as long as the last save took."""
KEPT = 2
"""Number of checkpoints that a program keeps."""

Say = Callable[[str], None]
Check = Callable[[Snapshot], None]


def identity(
    cell: Cell,
    seeds: tuple[int, ...],
    method: str,
    partition: str,
    device: torch.device,
    precision: str = "float32",
    convolutions: str = "torch",
    data: str = "",
) -> Identity:
    """The identity of the run that this process is about to make.

    method, partition, data: digests. convolutions: the library that computes them.
    """
    engine = hashlib.sha256()
    for folder in (places.ENGINE, places.MODELS):
        for path in sorted(folder.glob("*.py")):
            engine.update(path.name.encode() + path.read_bytes())
    return Identity(
        cell=cell.digest,
        seeds=seeds,
        method=method,
        partition=partition,
        data=data,
        engine=engine.hexdigest(),
        torch=str(torch.__version__),
        device=device.type,
        precision=precision,
        convolutions=convolutions,
    )


@dataclass
class Checkpoints:
    """The snapshots of one program's run."""

    folder: Path
    """The program's folder of checkpoints."""
    identity: Identity
    """Identity of the run, which every usable checkpoint has."""
    started: str
    """Time at which the run first started."""
    every: float = 0.0
    """Seconds between two checkpoints. 0: one after every round."""
    resumed: tuple[int, ...] = ()
    """Rounds after which the run was resumed."""
    _due: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._wait(0.0)

    @property
    def due(self) -> bool:
        """True if the next checkpoint is due, by a monotonic clock."""
        return time.monotonic() >= self._due

    def save(self, snapshot: Snapshot) -> None:
        """Write a checkpoint, then remove all but the newest two.

        A crash at any moment leaves earlier checkpoints intact. Raises OSError.
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
        tensors = _apart(snapshot.tensors)
        tensors[HEADER] = torch.from_numpy(text.copy())
        body = safetensors.torch.save(tensors)
        try:
            write_whole(
                self.folder / f"round-{snapshot.rounds:08d}.checkpoint",
                hashlib.sha256(body).hexdigest().encode() + b"\n" + body,
            )
            for old in newest_first(self.folder)[KEPT:]:
                old.unlink(missing_ok=True)
        finally:
            self._wait(time.monotonic() - start)

    def resume(self, say: Say, check: Check = lambda _: None) -> Snapshot | None:
        """The newest usable snapshot; None if there is none. Calls ``say`` for each refused one.

        check: raises BenchmarkError for a snapshot that cannot be of this run.
        """
        for part in self.folder.glob(".round-*"):
            part.unlink(missing_ok=True)  # left by a killed process
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
        """Remove all checkpoints, once the run is stored."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait(self, cost: float) -> None:
        self._due = time.monotonic() + (max(self.every, MIN_INTERVAL * cost) if self.every else 0.0)


def read(path: Path) -> tuple[Header, Snapshot]:
    """Read a checkpoint. Raises BenchmarkError if it is damaged."""
    body = checked_body(path)
    with damage_named(path):
        # Copies have torch's alignment, on which the bits of a product may depend.
        tensors = {name: t.clone() for name, t in safetensors.torch.load(body).items()}
        header = parse_header(tensors.pop(HEADER).numpy().tobytes())
    return header, Snapshot(header.rounds, header.seconds, tensors)


def _differs(found: Identity, wanted: Identity) -> str:
    ours, theirs = wanted.model_dump(), found.model_dump()
    names = ", ".join(name for name in ours if ours[name] != theirs[name])
    return f"the checkpoint of a run with another {names}"


def _apart(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors, copied where they share memory, which the archive does not allow."""
    apart, seen = {}, set()
    for name, tensor in tensors.items():
        own = tensor.detach().cpu().contiguous()
        place = own.untyped_storage().data_ptr()
        apart[name] = own.clone() if place in seen else own
        seen.add(place)
    return apart
