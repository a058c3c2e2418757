"""What a run leaves behind: its scores, recorded round by round, as histories and snapshots."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmark.engine.blocks import Blocks
from benchmark.engine.cohort import Federation
from benchmark.engine.evaluation import Scores, score_globals, score_personal
from benchmark.errors import BenchmarkError
from benchmark.spec import Cell

LOST_EVERY = {"cpu": 1, "cuda": 50}
"""Evaluations between two looks at whether any model is left to train: a look waits for a GPU."""


@dataclass(frozen=True)
class Snapshot:
    """All that a run's further rounds and its history depend on, after so many rounds.

    There is no generator among the tensors: streams are made anew for each round.
    """

    rounds: int
    seconds: float
    """Spent so far, apart from interruptions."""
    tensors: dict[str, Tensor]

    def tensor(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """The tensor of that name; BenchmarkError if it is missing or not of this kind."""
        found = self.tensors.get(name)
        if found is None or (tuple(found.shape), found.dtype) != (shape, dtype):
            there = "missing" if found is None else f"{tuple(found.shape)} {found.dtype}"
            raise BenchmarkError(f"{name}: {there}, allowed: {shape} {dtype}")
        return found


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


class Recorder:
    """Collects scores on the device; they are read back when the run is over."""

    def __init__(
        self, federation: Federation, test: Blocks, cell: Cell, resumed: Snapshot | None = None
    ) -> None:
        self._federation, self._test, self._cell = federation, test, cell
        self._start = time.perf_counter()
        self._rounds: list[int] = []
        self._seconds: list[float] = []
        self._sums: dict[str, dict[int, Tensor]] = {}  # by column, by evaluation: (R,)
        self._latest: dict[str, Scores] = {}
        self._lost = torch.zeros(len(federation.seeds), dtype=torch.bool, device=federation.device)
        if resumed is not None:
            self._start -= resumed.seconds
            self._restore(resumed)

    def record(self, round_: int, w: Tensor | None, table: Tensor | None) -> None:
        """Score the models of a round: global ones (R, P), personalised ones (R·N, P)."""
        every, last = self._cell.train_loss_every, round_ + 1 == self._cell.rounds
        self._score("", self._test, w, table)
        if len(self._rounds) % every == 0 or last:
            self._score("train_", self._federation.train, w, table)
        self._rounds.append(round_)
        self._seconds.append(time.perf_counter() - self._start)

    def _score(self, split: str, blocks: Blocks, w: Tensor | None, table: Tensor | None) -> None:
        network_of, accuracy = self._federation.network_of, split == ""
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
            tensors[f"sums.{column}"] = torch.stack([*sums.values()])
        for name, s in self._latest.items():
            tensors[f"loss.{name}"] = s.loss
            if s.correct is not None:
                tensors[f"correct.{name}"] = s.correct
        return Snapshot(rounds, time.perf_counter() - self._start, tensors)

    def _restore(self, snapshot: Snapshot) -> None:
        """Raises BenchmarkError where a tensor is not what :meth:`snapshot` made after so many
        rounds."""
        device, N = self._federation.device, self._federation.clients
        if not 0 < snapshot.rounds < self._cell.rounds:
            raise BenchmarkError(f"rounds: {snapshot.rounds}, allowed: below {self._cell.rounds}")
        rounds = [r for r in range(snapshot.rounds) if is_due(self._cell, r)]
        replicas, read = len(self._lost), snapshot.tensor
        self._rounds = read("rounds", (len(rounds),), torch.int64).tolist()
        if self._rounds != rounds:
            raise BenchmarkError(f"rounds: {self._rounds}, allowed: {rounds}")
        self._seconds = read("seconds", (len(rounds),), torch.float64).tolist()
        for which in ("global_", "personal_"):
            own = tuple(f"{kind}.{which}" for kind in ("sums", "loss", "correct"))
            if not any(name.startswith(own) for name in snapshot.tensors):
                continue
            for split, kinds in (("", ("accuracy", "loss")), ("train_", ("loss",))):
                at = range(0, len(rounds), self._cell.train_loss_every if split else 1)
                for kind in kinds:
                    column = f"{which}{split}{kind}"
                    sums = read(f"sums.{column}", (len(at), replicas), torch.float64).to(device)
                    self._sums[column] = dict(zip(at, sums, strict=True))
                    if kind == "loss":
                        self._lost |= ~sums.isfinite().all(0)
                loss = read(f"loss.{which}{split}", (replicas, N), torch.float64).to(device)
                hits = None
                if not split:
                    hits = read(f"correct.{which}", (replicas, N), torch.float64).to(device)
                self._latest[f"{which}{split}"] = Scores(hits, loss)

    def results(self) -> list[Result]:
        """What each seed leaves behind."""
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
                    self._federation.network.parameters,
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
        train, test = self._federation.train.size, self._test.size
        columns = {"client": np.arange(len(train)), "train_size": train, "test_size": test}
        for name, final in sorted(self._latest.items()):
            columns[f"{name}loss"] = final.loss.cpu().numpy() / self._size(name)
            if final.correct is not None:
                columns[f"{name}accuracy"] = final.correct.cpu().numpy() / self._size(name)
        return columns

    def _size(self, name: str) -> np.ndarray:
        blocks = self._federation.train if "_train_" in name else self._test
        return blocks.size


def is_due(cell: Cell, round_: int) -> bool:
    """Is this round evaluated?"""
    return (round_ + 1) % cell.evaluate_every == 0 or round_ + 1 == cell.rounds
