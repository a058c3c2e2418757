"""The round loop: train a cell for its seeds and return their histories."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from benchmark.engine.blocks import Blocks, Ints
from benchmark.engine.cohort import Auxiliary, Federation, Sampling
from benchmark.engine.methods import Method
from benchmark.engine.models import Network
from benchmark.engine.recorder import Recorder, Result, is_due
from benchmark.engine.replicas import Group, all_groups, joined
from benchmark.engine.snapshot import Snapshot
from benchmark.errors import BenchmarkError
from benchmark.spec import Cell, ModelSpec
from datasets import Arrays, Inputs, Partition

EVALUATION_BLOCK = 128

Progress = Callable[[int, Callable[[], Mapping[str, float]]], None]
"""Called after every evaluated round with its number and a function that returns the pooled scores.
That function waits for the device, so it is called only if the scores are shown."""


Keep = Callable[[Callable[[], Snapshot]], None]
"""Called after every round but the last with a function that takes a snapshot; may raise."""


@dataclass(frozen=True)
class Problem:
    """A cell's data on a device, the network, and the initial models of its seeds."""

    federation: Federation
    """The clients with their training samples."""
    test: Blocks
    """Test samples."""
    w: Tensor
    """(R, P) initial models."""
    validation: Blocks | None = None
    """Validation samples. None: there is no validation."""

    @staticmethod
    def of(
        cell: Cell,
        arrays: Arrays,
        x: np.ndarray | Inputs,
        partition: Partition,
        seeds: Sequence[int],
        device: torch.device,
    ) -> "Problem":
        """Lay out the scaled inputs ``x`` of ``arrays`` by client, as the partition says."""

        largest = max(map(len, partition.train))
        length = cell.batch_size
        if cell.batches != "with_replacement":
            length = min(length, largest)  # longer blocks would only be padding
        train = Blocks.of(x, arrays.y, partition.train, length, device)
        test, validation = _scored(x, arrays.y, partition, device)
        switches = cell.participation, cell.aggregation, cell.batches, cell.local_work
        sampling = Sampling(cell.active_clients, *switches)
        initial = partial(_initial, x.shape[1:], arrays.classes, seeds, train.x)
        network, w = initial(cell.model)
        other = None if cell.auxiliary is None else Auxiliary(*initial(cell.auxiliary))
        if other is not None and other.network.parameters == network.parameters:
            raise BenchmarkError(
                f"auxiliary: {network.parameters} parameters, allowed: another number than the "
                "model's, by which the two are told apart"
            )
        federation = Federation(network, train, tuple(seeds), sampling, other)
        return Problem(federation, test, w, validation)


def _initial(
    shape: tuple[int, ...], classes: int, seeds: Sequence[int], like: Tensor, model: ModelSpec
) -> tuple[Network, Tensor]:
    """The network, and its initial models (R, P) with the device and precision of ``like``."""
    networks = []
    for seed in seeds:
        # torch's own initialisation after its own seed: for seed 0 that is where the
        # published runs appear to start (their first rounds on Synthetic fit it).
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            networks.append(Network(model.build(shape, classes)))
    rows = torch.stack([network.row() for network in networks])
    return networks[0], rows.to(like.device, like.dtype)


def _scored(
    x: np.ndarray | Inputs, y: Ints, partition: Partition, device: torch.device
) -> tuple[Blocks, Blocks | None]:
    """The test samples, and the validation samples, if any."""
    test = Blocks.of(x, y, partition.test, EVALUATION_BLOCK, device)
    if partition.shares_test:
        test = test.shared_by(partition.clients)
    if not partition.validation:
        return test, None
    return test, Blocks.of(x, y, partition.validation, EVALUATION_BLOCK, device)


def run(
    cell: Cell,
    method: Method,
    problem: Problem,
    progress: Progress = lambda *_: None,
    keep: Keep = lambda _: None,
    resumed: Snapshot | None = None,
) -> list[Result]:
    """Train a cell for all seeds of the problem at once; return one result per seed.

    resumed: a snapshot of the same run, from which to go on; on a CPU the results are the same
    bits. Training stops early if every seed has diverged.
    """
    recorder, groups = _started(cell, method, problem, resumed)
    for round_ in range(resumed.rounds if resumed else 0, cell.rounds):
        before = [group.w for group in groups]
        for group in groups:
            group.train(round_)
        if is_due(cell, round_):
            after = [group.w for group in groups]
            w = joined(before if cell.global_scored == "before" else after)
            recorder.record(round_, w, joined([group.personal(round_) for group in groups]))
            progress(round_, recorder.latest)
            if recorder.all_lost:
                break
        if round_ + 1 < cell.rounds:
            packed = {name: tensor for group in groups for name, tensor in group.packed().items()}
            keep(partial(recorder.snapshot, round_ + 1, packed))
    return recorder.results()


def check(snapshot: Snapshot, cell: Cell, method: Method, problem: Problem) -> None:
    """Raise BenchmarkError, which names the tensor, if a snapshot cannot be of this run."""
    _started(cell, method, problem, snapshot)


def _started(
    cell: Cell, method: Method, problem: Problem, resumed: Snapshot | None
) -> tuple[Recorder, list[Group]]:
    """The recorder and the groups of a run, new or restored from a snapshot."""
    federation, w = problem.federation, problem.w
    recorder = Recorder(federation, problem.test, problem.validation, cell, resumed)
    hyper = method.resolve(cell.hyper)
    if cell.schedule is None:
        return recorder, all_groups(method, hyper, federation, w, resumed)
    scale = partial(cell.schedule.scale, rounds=cell.rounds)
    return recorder, all_groups(method, hyper, federation, w, resumed, scale)
