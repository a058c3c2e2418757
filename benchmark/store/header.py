"""Whose snapshot a checkpoint holds; no torch.

A checkpoint is the SHA-256 of what follows in hexadecimal, a newline, and a safetensors archive,
which can hold tensors and nothing that runs. One of them, ``header``, is the JSON of a
:class:`Header`.
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
from benchmark.store.runs import FORMAT
from datasets.files import read_bytes

HEADER = "header"
LARGEST = 2**36
"""Bytes of a checkpoint."""


class Identity(Record):
    """Everything that must be the same for a run to go on from a snapshot."""

    format: int = FORMAT
    cell: str
    """Digest of the cell."""
    seeds: tuple[int, ...]
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
    """Of matrix products."""
    convolutions: str = "torch"
    """What computes them: ``torch``, or ``numba`` with its version."""


class Header(Record):
    """What a checkpoint says of its snapshot."""

    identity: Identity
    """Whose it is."""
    rounds: int
    """How many rounds are done."""
    seconds: float
    """Spent on them, apart from interruptions."""
    started: str
    """When the run first started."""
    resumed: tuple[int, ...]
    """Rounds after which the run was resumed earlier."""


def newest_first(folder: Path) -> list[Path]:
    """A program's snapshots."""
    return sorted(folder.glob("round-*.checkpoint"), reverse=True)


def read_header(path: Path) -> Header:
    """The header of a checkpoint; a damaged one raises BenchmarkError."""
    body = checked_body(path)
    with damage_named(path):
        return parse_header(bytes(dict(deserialize(body))[HEADER]["data"]))


def checked_body(path: Path) -> bytes:
    """The archive in a checkpoint; BenchmarkError where its checksum differs."""
    try:
        blob = memoryview(read_bytes(path, LARGEST))
    except OSError as error:
        raise BenchmarkError(f"{path}: {error.strerror}") from None
    digest, body = bytes(blob[:64]), bytes(blob[65:])
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise BenchmarkError(f"{path}: damaged (checksum differs)")
    return body


def parse_header(text: bytes) -> Header:
    """The header that ``text`` spells; raises ValidationError or ValueError."""
    header = Header.model_validate_json(text)
    if not (header.rounds > 0 and math.isfinite(header.seconds)):
        raise ValueError("rounds, seconds: not those of a run")
    return header


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """What fails in the block is an error of the checkpoint at ``path``, in one line."""
    try:
        yield
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = explain(Header, error) if isinstance(error, ValidationError) else error
        raise BenchmarkError(f"{path}: not a checkpoint ({reason})") from None
