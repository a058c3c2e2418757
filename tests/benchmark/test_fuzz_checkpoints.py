"""Mutated checkpoints, their checksum put right: a snapshot, or one line."""

import hashlib
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given

from benchmark.checkpoint import Checkpoints, identity, read
from benchmark.training import Snapshot
from tests.benchmark.cases import cell
from tests.benchmark.mutations import fuzzed, mutants, read_or_refused

PLACE = "round-00000003.checkpoint"


def body() -> bytes:
    of = identity(cell(), (0,), "ab" * 32, "cd" * 32, torch.device("cpu"))
    tensors = {"x": torch.arange(3.0), "rounds": torch.tensor([0, 1])}
    with tempfile.TemporaryDirectory() as folder:
        Checkpoints(Path(folder), of, "then").save(Snapshot(3, 1.0, tensors))
        return (Path(folder) / PLACE).read_bytes()[65:]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("checkpoints") / PLACE


@given(mutant=mutants([body()]))
@fuzzed(200)
def test_a_mutated_checkpoint(place: Path, mutant: bytes) -> None:
    place.write_bytes(hashlib.sha256(mutant).hexdigest().encode() + b"\n" + mutant)
    read_or_refused(lambda: read(place), place)
