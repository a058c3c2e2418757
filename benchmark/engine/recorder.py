"""Record the scores of a run, round by round, for its history and its snapshots."""

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
from benchmark.engine.selection import Chosen
from benchmark.engine.snapshot import Snapshot
from benchmark.errors import BenchmarkError
from benchmark.spec import Cell
from benchmark.spec.columns import SCORES, column

LOST_EVERY = {"cpu": 1, "cuda": 50}
"""Evaluations between two checks for divergence: on a GPU each check forces a synchronisation."""


@dataclass(frozen=True)
class Result:
    """The result of one seed's run; see :mod:`benchmark.store.runs` for the columns."""

    history: pd.DataFrame
    """One row per evaluation."""
    clients: pd.DataFrame
    """One row per client."""
    parameters: int
    """Number of parameters of the model."""
    diverged: int | None
    """The first evaluated round with a loss that is not finite; the history ends there. None: all
    losses are finite."""
    models: Mapping[str, Mapping[str, Tensor]]
    """The models that the last evaluation scored: of ``global`` and ``personal``, where there are
    any, the tensors (k, …) by their names in torch; k is 1, or the number of clients."""


class Recorder:
    """Collects scores on the device and reads them back at the end of the run.

    With validation, models are scored on validation data during the run. For every seed the best
    global models and the best personalised models are kept; they are tested at the end of the run,
    together with the last ones. So nothing can be chosen on test data.
    """

    def __init__(
        self,
        federation: Federation,
        test: Blocks,
        validation: Blocks | None,
        cell: Cell,
        resumed: Snapshot | None = None,
    ) -> None:
        self._federation, self._cell = federation, cell
        self._test, self._validation = test, validation
        self._models: dict[str, Tensor] = {}  # those last recorded, by what they are
        self._chosen: dict[str, Chosen] = {}
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
        """Score the models of a round: global models (R, P), personalised models (R·N, P)."""
        every, last = self._cell.train_loss_every, round_ + 1 == self._cell.rounds
        both = zip(SCORES, (w, table), strict=True)
        self._models = {which: models for which, models in both if models is not None}
        for which, models in self._models.items():
            if self._validation is None:
                self._add(which, "", self._scores(which, models, self._test, True))
            else:
                scores = self._scores(which, models, self._validation, True)
                self._add(which, "validation_", scores)
                self._choose(which, models, scores)
            if len(self._rounds) % every == 0 or last:
                scores = self._scores(which, models, self._federation.train, False)
                self._add(which, "train_", scores)
        self._rounds.append(round_)
        self._seconds.append(time.perf_counter() - self._start)

    def _scores(self, which: str, models: Tensor, blocks: Blocks, accuracy: bool) -> Scores:
        score = {"global": score_globals, "personal": score_personal}[which]
        return score(self._federation.network_of(models), models, blocks, accuracy=accuracy)

    def _choose(self, which: str, models: Tensor, scores: Scores) -> None:
        assert scores.correct is not None
        correct, kept = scores.correct.sum(1), self._chosen.get(which)
        self._chosen[which] = (
            Chosen.first(correct, models)
            if kept is None
            else kept.or_better(len(self._rounds), correct, models)
        )

    def _add(self, which: str, split: str, s: Scores) -> None:
        at, loss = len(self._rounds), s.loss.sum(1)
        self._sums.setdefault(column(which, f"{split}loss"), {})[at] = loss
        if s.correct is not None:
            self._sums.setdefault(column(which, f"{split}accuracy"), {})[at] = s.correct.sum(1)
        self._latest[column(which, split)] = s
        self._lost |= ~loss.isfinite()

    @property
    def all_lost(self) -> bool:
        """Whether every seed has diverged; on a GPU not checked at every evaluation."""
        due = len(self._rounds) % LOST_EVERY[self._lost.device.type] == 0
        return due and bool(self._lost.all())

    def latest(self) -> dict[str, float]:
        """The latest pooled scores, averaged over seeds."""
        return {
            name: float(sums[max(sums)].mean()) / self._size(name).sum()
            for name, sums in self._sums.items()
        }

    def snapshot(self, rounds: int, state: Mapping[str, Tensor]) -> Snapshot:
        """The tensors that :meth:`_restore` needs to resume after ``rounds`` rounds."""
        tensors = dict(state)
        tensors["rounds"] = torch.tensor(self._rounds, dtype=torch.int64)
        tensors["seconds"] = torch.tensor(self._seconds, dtype=torch.float64)
        for name, sums in self._sums.items():
            tensors[f"sums.{name}"] = torch.stack([*sums.values()])
        for name, s in self._latest.items():
            tensors[f"loss.{name}"] = s.loss
            if s.correct is not None:
                tensors[f"correct.{name}"] = s.correct
        for which, kept in self._chosen.items():
            tensors[f"chosen.{which}"], tensors[f"chosen_at.{which}"] = kept.models, kept.at
        return Snapshot(rounds, time.perf_counter() - self._start, tensors)

    def _restore(self, snapshot: Snapshot) -> None:
        """Take over a snapshot. Raises BenchmarkError unless :meth:`snapshot` can have made its
        tensors after this number of rounds."""
        if not 0 < snapshot.rounds < self._cell.rounds:
            raise BenchmarkError(f"rounds: {snapshot.rounds}, allowed: below {self._cell.rounds}")
        rounds = [r for r in range(snapshot.rounds) if is_due(self._cell, r)]
        read = snapshot.tensor
        self._rounds = read("rounds", (len(rounds),), torch.int64).tolist()
        if self._rounds != rounds:
            raise BenchmarkError(f"rounds: {self._rounds}, allowed: {rounds}")
        self._seconds = read("seconds", (len(rounds),), torch.float64).tolist()
        for which in SCORES:
            own = tuple(f"{kind}.{column(which, '')}" for kind in ("sums", "loss", "correct"))
            if any(name.startswith(own) for name in snapshot.tensors):
                for split in ("" if self._validation is None else "validation_", "train_"):
                    self._restore_scores(column(which, split), split, snapshot)
                if self._validation is not None:
                    self._restore_chosen(which, snapshot)

    def _restore_scores(self, part: str, split: str, snapshot: Snapshot) -> None:
        """Restore the sums at every evaluation and every client's scores at the last one."""
        device, each = self._federation.device, (len(self._lost), self._federation.clients)
        is_training = split == "train_"
        step = self._cell.train_loss_every if is_training else 1
        at = range(0, len(self._rounds), step)
        for kind in ("loss",) if is_training else ("accuracy", "loss"):
            shape = (len(at), len(self._lost))
            sums = snapshot.tensor(f"sums.{part}{kind}", shape, torch.float64).to(device)
            self._sums[f"{part}{kind}"] = dict(zip(at, sums, strict=True))
            if kind == "loss":
                self._lost |= ~sums.isfinite().all(0)
        loss = snapshot.tensor(f"loss.{part}", each, torch.float64).to(device)
        hits = None
        if not is_training:
            hits = snapshot.tensor(f"correct.{part}", each, torch.float64).to(device)
        self._latest[part] = Scores(hits, loss)

    def _restore_chosen(self, which: str, snapshot: Snapshot) -> None:
        federation, replicas = self._federation, len(self._lost)
        network, rows = federation.network, replicas
        if which == "personal":
            network = federation.auxiliary.network if federation.auxiliary else network
            rows = replicas * federation.clients
        dtype, device = federation.train.x.dtype, federation.device
        models = snapshot.tensor(f"chosen.{which}", (rows, network.parameters), dtype)
        at = snapshot.tensor(f"chosen_at.{which}", (replicas,), torch.int64)
        if not 0 <= int(at.min()) <= int(at.max()) < len(self._rounds):
            raise BenchmarkError(f"chosen_at.{which}: {at}, allowed: 0 to {len(self._rounds) - 1}")
        hits = self._sums_of(column(which, "validation_accuracy"))
        correct = hits.gather(0, at.to(device)[None])[0]
        self._chosen[which] = Chosen(at.to(device), correct, models.to(device))

    def results(self) -> list[Result]:
        """The result of each seed."""
        columns = {name: self._column(name) for name in sorted(self._sums)}
        if self._validation is not None:
            columns |= self._test_once()
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
                    self._models_of(r),
                )
            )
        return found

    def _models_of(self, replica: int) -> dict[str, dict[str, Tensor]]:
        """One replica's models at the last evaluation, as views."""
        found = {}
        for which, models in self._models.items():
            own = models.tensor_split(len(self._lost))[replica]
            found[which] = self._federation.network_of(models).unstack(own)
        return found

    def _test_once(self) -> dict[str, np.ndarray]:
        """The test scores (evaluations, R) by column: of the chosen models at their evaluation, and
        of the last models; NaN elsewhere. The former become each client's scores."""
        columns = {}
        for which, models in self._models.items():
            chosen = self._chosen[which]
            at, replica = chosen.at.cpu().numpy(), np.arange(len(self._lost))
            final = self._scores(which, models, self._test, True)
            best = self._scores(which, chosen.models, self._test, True)
            for kind, last, there in zip(("accuracy", "loss"), final, best, strict=True):
                filled = np.full((len(self._rounds), len(replica)), np.nan)
                for place, scores in ((-1, last), (at, there)):
                    assert scores is not None
                    filled[place, replica] = scores.sum(1).cpu().numpy() / self._test.size.sum()
                columns[column(which, kind)] = filled
            self._latest[column(which, "")] = best
        return columns

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
        """A pooled score (evaluations, R); NaN where it was not evaluated."""
        sums = self._sums_of(name).cpu().numpy()
        filled = np.full((len(self._rounds), sums.shape[1]), np.nan)
        filled[list(self._sums[name])] = sums / self._size(name).sum()
        return filled

    def _per_client(self) -> dict[str, np.ndarray]:
        """Each client's scores by column, (R, N): of the last evaluation, or on test data those of
        the chosen models; and sizes, (N,)."""
        train, test = self._federation.train.size, self._test.size
        columns = {"client": np.arange(len(train)), "train_size": train, "test_size": test}
        if self._validation is not None:
            columns["validation_size"] = self._validation.size
        for name, final in sorted(self._latest.items()):
            columns[f"{name}loss"] = final.loss.cpu().numpy() / self._size(name)
            if final.correct is not None:
                columns[f"{name}accuracy"] = final.correct.cpu().numpy() / self._size(name)
        return columns

    def _size(self, name: str) -> np.ndarray:
        if "_train_" in name:
            return self._federation.train.size
        if "_validation_" in name and self._validation is not None:
            return self._validation.size
        return self._test.size


def is_due(cell: Cell, round_: int) -> bool:
    """Whether this round is evaluated."""
    return (round_ + 1) % cell.evaluate_every == 0 or round_ + 1 == cell.rounds
