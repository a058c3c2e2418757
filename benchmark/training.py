"""The only round loop: a cell and its seeds become histories."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmark.cohort import Auxiliary, Blocks, Federation, Sampling
from benchmark.errors import BenchmarkError
from benchmark.evaluation import Scores, score_globals, score_personal
from benchmark.methods import Method
from benchmark.models import Network, build
from benchmark.spec import Cell, ModelSpec
from benchmark.turns import all_turns, joined
from datasets import Arrays, Partition

EVALUATION_BLOCK = 128

LOST_EVERY = {"cpu": 1, "cuda": 50}
"""Evaluations between two looks at whether any model is left to train: a look waits for a GPU."""

Progress = Callable[[int, Callable[[], Mapping[str, float]]], None]
"""Called after every evaluated round with its number and, to be asked for only when they are
shown (it waits for the device), the pooled scores."""


@dataclass(frozen=True)
class Snapshot:
    """All that a run's further rounds and its history depend on, after so many rounds.

    There is no generator among the tensors: streams are made anew for each round.
    """

    rounds: int
    seconds: float
    """Spent so far, apart from interruptions."""
    tensors: dict[str, Tensor]


Keep = Callable[[Callable[[], Snapshot]], None]
"""Called after every round but the last with a function that takes a snapshot; may raise."""


@dataclass(frozen=True)
class Result:
    """What one seed's run leaves behind; see :mod:`benchmark.store` for the columns.

    diverged: the first evaluated round with a loss that is not a number or infinite; the
    history ends there. None where all losses are finite.
    """

    history: pd.DataFrame
    clients: pd.DataFrame
    parameters: int
    diverged: int | None


@dataclass(frozen=True)
class Problem:
    """A cell's data on a device, the network, and the initial models of its seeds."""

    federation: Federation
    test: Blocks
    w: Tensor  # (R, P)

    @staticmethod
    def of(
        cell: Cell,
        arrays: Arrays,
        x: np.ndarray,
        partition: Partition,
        seeds: Sequence[int],
        device: torch.device,
    ) -> "Problem":
        """Lay out ``x``, the scaled inputs of ``arrays``, as the partition says."""

        def initial(model: ModelSpec) -> tuple[Network, Tensor]:
            """The network, and its models (R, P) at the start."""
            networks = []
            for seed in seeds:
                # torch's own initialisation after its own seed: for seed 0 that is where the
                # published runs appear to start (their first rounds on Synthetic fit it).
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(seed)
                    networks.append(Network(build(model, x.shape[1:], arrays.classes)))
            rows = torch.stack([network.row() for network in networks])
            return networks[0], rows.to(device, train.x.dtype)

        largest = max(map(len, partition.train))
        length = cell.batch_size
        if cell.batches != "with_replacement":
            length = min(length, largest)  # no padding that no client needs
        train = Blocks.of(x, arrays.y, partition.train, length, device)
        test = Blocks.of(x, arrays.y, partition.test, EVALUATION_BLOCK, device)
        sampling = Sampling(cell.active_clients, cell.participation, cell.aggregation, cell.batches)
        network, w = initial(cell.model)
        other = None if cell.auxiliary is None else Auxiliary(*initial(cell.auxiliary))
        if other is not None and other.network.parameters == network.parameters:
            raise BenchmarkError(
                f"auxiliary: {network.parameters} parameters, allowed: another number than the "
                "model's, by which the two are told apart"
            )
        return Problem(Federation(network, train, tuple(seeds), sampling, other), test, w)


def run(
    cell: Cell,
    method: Method,
    problem: Problem,
    progress: Progress = lambda *_: None,
    keep: Keep = lambda _: None,
    resumed: Snapshot | None = None,
) -> list[Result]:
    """Train a cell for all seeds of the problem at once; one result a seed.

    ``resumed``: go on from a snapshot of the same run; on a CPU the results are the same bits.
    Training stops early when every seed has diverged.
    """
    recorder, hyper = _Recorder(problem, cell, resumed), method.resolve(cell.hyper)
    turns = all_turns(
        method, hyper, problem.federation, problem.w, resumed.tensors if resumed else None
    )
    for round_ in range(resumed.rounds if resumed else 0, cell.rounds):
        due = (round_ + 1) % cell.evaluate_every == 0 or round_ + 1 == cell.rounds
        before = [turn.w for turn in turns]
        for turn in turns:
            turn.train(round_)
        if due:
            after = [turn.w for turn in turns]
            w = joined(before if cell.global_scored == "before" else after)
            recorder.record(round_, w, joined([turn.personal(round_) for turn in turns]))
            progress(round_, recorder.latest)
            if recorder.all_lost:
                break
        if round_ + 1 < cell.rounds:
            packed = {name: tensor for turn in turns for name, tensor in turn.packed().items()}
            keep(partial(recorder.snapshot, round_ + 1, packed))
    return recorder.results()


class _Recorder:
    """Collects scores on the device; they are read back when the run is over."""

    def __init__(self, problem: Problem, cell: Cell, resumed: Snapshot | None) -> None:
        self._problem, self._cell = problem, cell
        self._start = time.perf_counter()
        self._rounds: list[int] = []
        self._seconds: list[float] = []
        self._sums: dict[str, dict[int, Tensor]] = {}  # by column, by evaluation: (R,)
        self._latest: dict[str, Scores] = {}
        self._lost = torch.zeros(len(problem.w), dtype=torch.bool, device=problem.w.device)
        if resumed is not None:
            self._start -= resumed.seconds
            self._restore(resumed.tensors)

    def record(self, round_: int, w: Tensor | None, table: Tensor | None) -> None:
        every, last = self._cell.train_loss_every, round_ + 1 == self._cell.rounds
        self._score("", self._problem.test, w, table)
        if len(self._rounds) % every == 0 or last:
            self._score("train_", self._problem.federation.train, w, table)
        self._rounds.append(round_)
        self._seconds.append(time.perf_counter() - self._start)

    def _score(self, split: str, blocks: Blocks, w: Tensor | None, table: Tensor | None) -> None:
        network_of, accuracy = self._problem.federation.network_of, split == ""
        if w is not None:
            scores = score_globals(network_of(w), w, blocks, accuracy=accuracy)
            self._add(f"global_{split}", scores)
        if table is not None:
            scores = score_personal(network_of(table), table, blocks, accuracy=accuracy)
            self._add(f"personal_{split}", scores)

    def _add(self, name: str, s: Scores) -> None:
        at, loss = len(self._rounds), s.loss.sum(1)
        self._sums.setdefault(f"{name}loss", {})[at] = loss
        if s.correct is not None:
            self._sums.setdefault(f"{name}accuracy", {})[at] = s.correct.sum(1)
        self._latest[name] = s
        self._lost |= ~loss.isfinite()

    @property
    def all_lost(self) -> bool:
        """Has every seed diverged? Not asked at every evaluation on a GPU."""
        due = len(self._rounds) % LOST_EVERY[self._lost.device.type] == 0
        return due and bool(self._lost.all())

    def latest(self) -> dict[str, float]:
        """Mean over seeds of the latest pooled scores."""
        return {
            column: float(sums[max(sums)].mean()) / self._size(column).sum()
            for column, sums in self._sums.items()
        }

    def snapshot(self, rounds: int, state: Mapping[str, Tensor]) -> Snapshot:
        """What :meth:`_restore` and the method need to go on after ``rounds`` rounds."""
        tensors = dict(state)
        tensors["rounds"] = torch.tensor(self._rounds, dtype=torch.int64)
        tensors["seconds"] = torch.tensor(self._seconds, dtype=torch.float64)
        for column, sums in self._sums.items():
            tensors[f"at.{column}"] = torch.tensor(list(sums), dtype=torch.int64)
            tensors[f"sums.{column}"] = torch.stack([*sums.values()])
        for name, s in self._latest.items():
            tensors[f"loss.{name}"] = s.loss
            if s.correct is not None:
                tensors[f"correct.{name}"] = s.correct
        return Snapshot(rounds, time.perf_counter() - self._start, tensors)

    def _restore(self, tensors: Mapping[str, Tensor]) -> None:
        device = self._problem.w.device
        self._rounds, self._seconds = tensors["rounds"].tolist(), tensors["seconds"].tolist()
        for key, values in tensors.items():
            kind, _, name = key.partition(".")
            if kind == "sums":
                at = tensors[f"at.{name}"].tolist()
                self._sums[name] = dict(zip(at, values.to(device), strict=True))
                if name.endswith("loss"):
                    self._lost |= ~self._sums_of(name).isfinite().all(0)
            elif kind == "loss":
                correct = tensors.get(f"correct.{name}")
                self._latest[name] = Scores(
                    None if correct is None else correct.to(device), values.to(device)
                )

    def results(self) -> list[Result]:
        columns = {name: self._column(name) for name in sorted(self._sums)}
        per_client, ends = self._per_client(), self._ends()
        frame = pd.DataFrame({"round": self._rounds, "seconds": self._seconds})
        found = []
        for r, end in enumerate(ends):
            history = frame.assign(**{name: v[:, r] for name, v in columns.items()})
            clients = {name: v[r] if v.ndim == 2 else v for name, v in per_client.items()}
            found.append(
                Result(
                    history if end is None else history[: end + 1],
                    pd.DataFrame(clients),
                    self._problem.w.shape[1],
                    None if end is None else self._rounds[end],
                )
            )
        return found

    def _sums_of(self, column: str) -> Tensor:
        return torch.stack([*self._sums[column].values()])

    def _ends(self) -> list[int | None]:
        """Of each seed the first evaluation with a loss that is not finite."""
        ends: list[int | None] = [None] * len(self._lost)
        for column in self._sums:
            if column.endswith("loss"):
                at, bad = list(self._sums[column]), ~self._sums_of(column).isfinite().cpu()
                for r in bad.any(0).nonzero()[:, 0].tolist():
                    first, known = at[int(bad[:, r].nonzero()[0, 0])], ends[r]
                    ends[r] = first if known is None else min(first, known)
        return ends

    def _column(self, name: str) -> np.ndarray:
        """A pooled score: (evaluations, R), NaN where not evaluated."""
        sums = self._sums_of(name).cpu().numpy()
        filled = np.full((len(self._rounds), sums.shape[1]), np.nan)
        filled[list(self._sums[name])] = sums / self._size(name).sum()
        return filled

    def _per_client(self) -> dict[str, np.ndarray]:
        """Scores of the last evaluation by column: (R, N), sizes (N,)."""
        train, test = self._problem.federation.train.size, self._problem.test.size
        columns = {"client": np.arange(len(train)), "train_size": train, "test_size": test}
        for name, final in sorted(self._latest.items()):
            columns[f"{name}loss"] = final.loss.cpu().numpy() / self._size(name)
            if final.correct is not None:
                columns[f"{name}accuracy"] = final.correct.cpu().numpy() / self._size(name)
        return columns

    def _size(self, name: str) -> np.ndarray:
        blocks = self._problem.federation.train if "_train_" in name else self._problem.test
        return blocks.size
