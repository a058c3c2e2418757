"""Mutated checkpoints with a correct checksum are read, or refused in one line."""

import hashlib
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from benchmark.engine.methods import load_method
from benchmark.engine.snapshot import Snapshot
from benchmark.engine.training import Problem, check
from benchmark.errors import BenchmarkError
from benchmark.jobs.data import Source, arrays_of, partition_of
from benchmark.store import Store
from benchmark.store.checkpoint import Checkpoints, identity, read
from benchmark.store.header import newest_first
from benchmark.store.locks import folder_of
from tests.benchmark.cases import cell, job
from tests.benchmark.mutations import fuzzed, mutants, read_or_refused
from tests.benchmark.stops import gone_on, stopped

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


CELL = cell({"rounds": 6, "partition.seed": 0, "algorithm": "pfml"})


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of CELL that was stopped after four rounds."""
    root = tmp_path_factory.mktemp("store")
    stopped(root, job(CELL, 0, 1), 4)
    return root


@given(data=st.data())
@fuzzed(150)
def test_a_checkpoint_with_other_tensors_is_refused_and_the_run_is_made(
    own: Path, data: st.DataObject
) -> None:
    """A tensor is dropped, renamed, cut, or of another type; no run resumes from it."""
    folder = folder_of(Store(own), CELL, (0, 1))
    newest = newest_first(folder)[0]
    header, snapshot = read(newest)
    tensors = dict(snapshot.tensors)
    name = data.draw(st.sampled_from(sorted(tensors)))
    tensor, change = tensors.pop(name), data.draw(st.sampled_from(["drop", "cut", "type", "name"]))
    if change == "cut":
        tensors[name] = tensor.flatten()[1:]
    elif change == "type":
        tensors[name] = tensor.to(torch.float16)
    elif change == "name":
        tensors[f"x{name}"] = tensor
    rounds = data.draw(st.sampled_from([header.rounds, 1, 6, 10**9]))
    refused = Snapshot(rounds, 1.0, tensors)
    arrays = arrays_of(CELL.data, Source())
    partition = partition_of(CELL.partition, arrays, 0)
    problem = Problem.of(CELL, arrays, arrays.x, partition, (0, 1), torch.device("cpu"))
    with pytest.raises(BenchmarkError, match="allowed"):
        check(refused, CELL, load_method("pfml"), problem)


def test_a_run_goes_on_from_the_checkpoint_before_one_that_cannot_be_its_own(own: Path) -> None:
    folder = folder_of(Store(own), CELL, (0, 1))
    newest = newest_first(folder)[0]
    header, snapshot = read(newest)
    tensors = {name: t for name, t in snapshot.tensors.items() if name != "sums.global_loss"}
    Checkpoints(folder, header.identity, "then").save(Snapshot(4, 1.0, tensors))
    assert gone_on(own, job(CELL, 0, 1)) == [
        f"{newest}: sums.global_loss: missing, allowed: (4, 2) torch.float64; not used",
        "goes on after round 3",
    ]
