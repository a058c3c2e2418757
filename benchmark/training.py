"""The only round loop: a cell and its seeds become histories."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmark.cohort import Blocks, Federation, Sampling
from benchmark.evaluation import Scores, score_globals, score_personal
from benchmark.methods import Method
from benchmark.models import Network, build
from benchmark.spec import Cell
from datasets import Arrays, Partition

EVALUATION_BLOCK = 128

Progress = Callable[[int, Callable[[], Mapping[str, float]]], None]
"""Called after every evaluated round with its number and, to be asked for only when they are
shown (it waits for the device), the pooled scores."""


@dataclass(frozen=True)
class Result:
    """What one seed's run leaves behind; see :mod:`benchmark.store` for the columns."""

    history: pd.DataFrame
    clients: pd.DataFrame
    parameters: int


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
        models = []
        for seed in seeds:
            # torch's own initialisation after its own seed: for seed 0 that is where the
            # published runs appear to start (their first rounds on Synthetic fit it).
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                network = Network(build(cell.model, x.shape[1:], arrays.classes))
            models.append(network.row())
        largest = max(map(len, partition.train))
        length = cell.batch_size
        if cell.batches != "with_replacement":
            length = min(length, largest)  # no padding that no client needs
        train = Blocks.of(x, arrays.y, partition.train, length, device)
        test = Blocks.of(x, arrays.y, partition.test, EVALUATION_BLOCK, device)
        sampling = Sampling(cell.active_clients, cell.participation, cell.aggregation, cell.batches)
        federation = Federation(network, train, tuple(seeds), sampling)
        w = torch.stack(models).to(device, train.x.dtype)
        return Problem(federation, test, w)


def run(
    cell: Cell, method: Method, problem: Problem, progress: Progress = lambda *_: None
) -> list[Result]:
    """Train a cell for all seeds of the problem at once; one result a seed."""
    federation, hyper = problem.federation, method.resolve(cell.hyper)
    recorder = _Recorder(problem, cell)
    state = method.init(problem.w, federation.everyone(0), hyper)
    for round_ in range(cell.rounds):
        due = (round_ + 1) % cell.evaluate_every == 0 or round_ + 1 == cell.rounds
        before = getattr(state, "w", None) if cell.global_scored == "before" else None
        state = method.train_round(state, federation.cohort(round_), hyper)
        if due:
            w = before if cell.global_scored == "before" else getattr(state, "w", None)
            table = method.personal_models(state, federation.everyone(round_), hyper)
            replicas = len(problem.w)
            method.fits("State.w", w, problem.w, replicas)
            method.fits("personal_models", table, problem.w, replicas * federation.clients)
            recorder.record(round_, w, table)
            progress(round_, recorder.latest)
    return recorder.results()


class _Recorder:
    """Collects scores on the device; they are read back when the run is over."""

    def __init__(self, problem: Problem, cell: Cell) -> None:
        self._problem, self._cell = problem, cell
        self._start = time.perf_counter()
        self._rounds: list[int] = []
        self._seconds: list[float] = []
        self._scores: dict[str, dict[int, Scores]] = {}

    def record(self, round_: int, w: Tensor | None, table: Tensor | None) -> None:
        every, last = self._cell.train_loss_every, round_ + 1 == self._cell.rounds
        self._score("", self._problem.test, w, table)
        if len(self._rounds) % every == 0 or last:
            self._score("train_", self._problem.federation.train, w, table)
        self._rounds.append(round_)
        self._seconds.append(time.perf_counter() - self._start)

    def _score(self, split: str, blocks: Blocks, w: Tensor | None, table: Tensor | None) -> None:
        network, accuracy, at = self._problem.federation.network, split == "", len(self._rounds)
        if w is not None:
            scores = score_globals(network, w, blocks, accuracy=accuracy)
            self._scores.setdefault(f"global_{split}", {})[at] = scores
        if table is not None:
            scores = score_personal(network, table, blocks, accuracy=accuracy)
            self._scores.setdefault(f"personal_{split}", {})[at] = scores

    def latest(self) -> dict[str, float]:
        """Mean over seeds of the latest pooled scores."""
        pooled: dict[str, float] = {}
        for name, scores in self._scores.items():
            newest = {0: scores[max(scores)]}
            pooled |= {c: float(v.mean()) for c, v in self._columns(name, newest, 1).items()}
        return pooled

    def results(self) -> list[Result]:
        columns: dict[str, np.ndarray] = {}
        for name, scores in self._scores.items():
            columns |= self._columns(name, scores, len(self._rounds))
        per_client = self._per_client()
        frame = {"round": self._rounds, "seconds": self._seconds}
        return [
            Result(
                pd.DataFrame(frame | {name: v[:, r] for name, v in columns.items()}),
                pd.DataFrame({name: v[r] if v.ndim == 2 else v for name, v in per_client.items()}),
                self._problem.w.shape[1],
            )
            for r in range(len(self._problem.w))
        ]

    def _columns(self, name: str, scores: dict[int, Scores], rows: int) -> dict[str, np.ndarray]:
        """Pooled scores by column: (rows, R) each, NaN where not evaluated."""
        at, total = list(scores), self._size(name).sum()
        columns = {f"{name}loss": [s.loss.sum(1) for s in scores.values()]}
        if hits := [s.correct.sum(1) for s in scores.values() if s.correct is not None]:
            columns[f"{name}accuracy"] = hits
        filled = {}
        for column, sums in columns.items():
            filled[column] = np.full((rows, len(sums[0])), np.nan)
            filled[column][at] = torch.stack(sums).cpu().numpy() / total
        return filled

    def _per_client(self) -> dict[str, np.ndarray]:
        """Scores of the last evaluation by column: (R, N), sizes (N,)."""
        train, test = self._problem.federation.train.size, self._problem.test.size
        columns = {"client": np.arange(len(train)), "train_size": train, "test_size": test}
        for name, scores in self._scores.items():
            final = scores[max(scores)]
            columns[f"{name}loss"] = final.loss.cpu().numpy() / self._size(name)
            if final.correct is not None:
                columns[f"{name}accuracy"] = final.correct.cpu().numpy() / self._size(name)
        return columns

    def _size(self, name: str) -> np.ndarray:
        blocks = self._problem.federation.train if name.endswith("train_") else self._problem.test
        return blocks.size
