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
from benchmark.engine.snapshot import Snapshot
from benchmark.errors import BenchmarkError
from benchmark.spec import Cell
from benchmark.spec.columns import SCORES, column

LOST_EVERY = {"cpu": 1, "cuda": 50}
"""Check for divergence every so many evaluations: on a GPU each check forces a synchronisation."""


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
            self._add("global", split, scores)
        if table is not None:
            scores = score_personal(network_of(table), table, blocks, accuracy=accuracy)
            self._add("personal", split, scores)

    def _add(self, which: str, split: str, s: Scores) -> None:
        at, loss = len(self._rounds), s.loss.sum(1)
        self._sums.setdefault(column(which, f"{split}loss"), {})[at] = loss
        if s.correct is not None:
            self._sums.setdefault(column(which, f"{split}accuracy"), {})[at] = s.correct.sum(1)
        self._latest[column(which, split)] = s
        self._lost |= ~loss.isfinite()

    @property
    def all_lost(self) -> bool:
        """Has every seed diverged? Not asked at every evaluation on a GPU."""
        due = len(self._rounds) % LOST_EVERY[self._lost.device.type] == 0
        return due and bool(self._lost.all())

    def latest(self) -> dict[str, float]:
        """Mean over seeds of the latest pooled scores."""
        return {
            name: float(sums[max(sums)].mean()) / self._size(name).sum()
            for name, sums in self._sums.items()
        }

    def snapshot(self, rounds: int, state: Mapping[str, Tensor]) -> Snapshot:
        """What :meth:`_restore` and the method need to go on after ``rounds`` rounds."""
        tensors = dict(state)
        tensors["rounds"] = torch.tensor(self._rounds, dtype=torch.int64)
        tensors["seconds"] = torch.tensor(self._seconds, dtype=torch.float64)
        for name, sums in self._sums.items():
            tensors[f"sums.{name}"] = torch.stack([*sums.values()])
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
        for which in SCORES:
            own = tuple(f"{kind}.{column(which, '')}" for kind in ("sums", "loss", "correct"))
            if not any(name.startswith(own) for name in snapshot.tensors):
                continue
            for split, kinds in (("", ("accuracy", "loss")), ("train_", ("loss",))):
                at = range(0, len(rounds), self._cell.train_loss_every if split else 1)
                for kind in kinds:
                    name = column(which, f"{split}{kind}")
                    sums = read(f"sums.{name}", (len(at), replicas), torch.float64).to(device)
                    self._sums[name] = dict(zip(at, sums, strict=True))
                    if kind == "loss":
                        self._lost |= ~sums.isfinite().all(0)
                part = column(which, split)
                loss = read(f"loss.{part}", (replicas, N), torch.float64).to(device)
                hits = None
                if not split:
                    hits = read(f"correct.{part}", (replicas, N), torch.float64).to(device)
                self._latest[part] = Scores(hits, loss)

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

    def _sums_of(self, name: str) -> Tensor:
        return torch.stack([*self._sums[name].values()])

    def _ends(self) -> list[int | None]:
        """For each seed, the index of its first evaluation with a non-finite loss, or None."""
        ends: list[int | None] = [None] * len(self._lost)
        for name in self._sums:
            if name.endswith("loss"):
                at, bad = list(self._sums[name]), ~self._sums_of(name).isfinite().cpu()
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
