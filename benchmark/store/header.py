"""The format of a checkpoint, and its header, which identifies the run; no torch.

A checkpoint is the SHA-256 of its archive in hexadecimal, a newline, and the archive: safetensors,
which hold tensors and no code. The tensor ``header`` is the JSON of a :class:`Header`.
"""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError, deserialize

from benchmark.errors import BenchmarkError
from benchmark.spec import Record
from benchmark.spec.validation import explain
from benchmark.store.record import FORMAT
from datasets.files import read_bytes

HEADER = "header"
LARGEST = 2**36
"""Maximum size of a checkpoint in bytes."""


class Identity(Record):
    """Everything that must be equal for a run to resume from a snapshot."""

    format: int = FORMAT
    """Version of a run's record."""
    cell: str
    """Digest of the cell."""
    seeds: tuple[int, ...]
    """Seeds that the program trains together."""
    method: str
    """Digest of the method's code, with what it imports from its folder."""
    partition: str
    """Digest of the partition."""
    data: str = ""
    """Digest of the data set's arrays."""
    engine: str
    """Digest of the engine's files."""
    torch: str
    """Version of torch."""
    device: str
    """``cpu`` or ``cuda``."""
    precision: str = "float32"
    """Precision of matrix products."""
    convolutions: str = "torch"
    """The library that computes convolutions: ``torch``, or ``numba`` with its version."""


class Header(Record):
    """Facts about the snapshot in a checkpoint."""

    identity: Identity
    """Identity of the run."""
    rounds: int
    """Number of finished rounds."""
    seconds: float
    """Seconds spent on these rounds, without interruptions."""
    started: str
    """Time at which the run first started."""
    resumed: tuple[int, ...]
    """Rounds after which the run was resumed earlier."""


def newest_first(folder: Path) -> list[Path]:
    """A program's checkpoints, the newest first."""
    return sorted(folder.glob("round-*.checkpoint"), reverse=True)


def read_header(path: Path) -> Header:
    """Read the header of a checkpoint. Raises BenchmarkError if it is damaged."""
    body = checked_body(path)
    with damage_named(path):
        return parse_header(bytes(dict(deserialize(body))[HEADER]["data"]))


def checked_body(path: Path) -> bytes:
    """The archive in a checkpoint. Raises BenchmarkError if its checksum differs."""
    try:
        blob = memoryview(read_bytes(path, LARGEST))
    except OSError as error:
        raise BenchmarkError(f"{path}: {error.strerror}") from None
    digest, body = bytes(blob[:64]), bytes(blob[65:])
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise BenchmarkError(f"{path}: damaged (checksum differs)")
    return body


def parse_header(text: bytes) -> Header:
    """Parse a header from its JSON. Raises ValidationError or ValueError."""
    header = Header.model_validate_json(text)
    if not (header.rounds > 0 and math.isfinite(header.seconds)):
        raise ValueError("rounds, seconds: not those of a run")
    return header


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn any failure of the block into a BenchmarkError that names the checkpoint at ``path``."""
    try:
        yield
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = explain(Header, error) if isinstance(error, ValidationError) else error
        raise BenchmarkError(f"{path}: not a checkpoint ({reason})") from None
