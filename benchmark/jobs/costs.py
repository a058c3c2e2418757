"""Count the cost of a communication round while a small federation trains.

The methods of a cohort tell what is sent. ``spread`` is a download, ``mean`` and ``uniform`` are
uploads, ``mix`` is both: each sender's row goes up and its mixture comes down. A row that is sent
twice in a round counts once. ``products``, and spreading a mean of the same round, are the server's
own work. Three things do not count as sent, although methods write whole rows:

- parameters that are 0 for all clients or, in an upload, equal to those downloaded, such as the
  head of a model whose body alone is shared;
- a whole row of zeros, such as the models of a cluster to which the client does not belong;
- a row that follows from others that the server has, as the change of a client's control variate
  follows from its model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.engine.cohort import Federation
from benchmark.engine.guards import TraceError
from benchmark.engine.losses import AnyLoss, cross_entropy, softmax
from benchmark.engine.methods import Method
from benchmark.engine.training import Problem
from benchmark.errors import BenchmarkError
from benchmark.spec import Cell
from benchmark.store.costs import Costs
from datasets import Arrays, Partition

CLIENTS, SAMPLES, BATCH = 4, 8, 4
"""Sizes of the small federation, on which the cost per client does not depend."""
ROUNDING = 1e-4
"""Rows that differ by less than this share of their length are equal but for rounding."""


def costs_of(cell: Cell, method: Method, shape: tuple[int, ...], classes: int) -> Costs | None:
    """Costs per client of a cell's second round; in the first, all clients may start alike.

    shape: the shape of an input, without the batch axis. Returns None if the method fails on the
    small federation.
    """
    problem = _small(cell, shape, classes)
    tallies = [_Tally(noise=torch.Generator().manual_seed(seed)) for seed in range(3)]
    try:
        _train(cell, method, problem.federation, problem.w, classes, tallies)
    except TraceError:
        raise
    except BenchmarkError:
        return None
    first, second, last = tallies
    size = problem.w.element_size()
    return Costs(
        bytes_down=size * second.numbers_down(first.spread),
        bytes_up=size * second.numbers_up(),
        gradients=second.gradients,
        personal_gradients=last.gradients,
    )


def _train(
    cell: Cell,
    method: Method,
    federation: Federation,
    w: Tensor,
    classes: int,
    tallies: Sequence["_Tally"],
) -> None:
    """Train two rounds, and make personalised models after each, with one tally for each."""
    hyper = method.resolve(cell.hyper)
    state = method.init(w, federation.everyone(0), hyper)
    for number, tally in enumerate(tallies[:2]):
        state = method.train_round(
            state, _Counted(federation.cohort(number), classes, tally), hyper
        )
    method.personal_models(state, _Counted(federation.everyone(1), classes, tallies[2]), hyper)


def _small(cell: Cell, shape: tuple[int, ...], classes: int) -> Problem:
    """The cell's models on a few clients with random samples; all clients train and send."""
    rng = np.random.default_rng(0)
    parts = tuple(np.arange(CLIENTS * (SAMPLES + 1)).reshape(CLIENTS, -1))
    x = rng.normal(size=(CLIENTS * (SAMPLES + 1), *shape)).astype(np.float32)
    arrays = Arrays("small", x, rng.integers(0, classes, len(x)), classes)
    partition = Partition(tuple(p[1:] for p in parts), tuple(p[:1] for p in parts))
    change = {"active_clients": CLIENTS, "participation": "sampled", "batch_size": BATCH}
    small = cell.model_copy(update=change)
    return Problem.of(small, arrays, x, partition, (0,), torch.device("cpu"))


@dataclass
class _Tally:
    """The arguments of a cohort's methods in one round, each tensor once."""

    spread: list[Tensor] = field(default_factory=list)
    """(1, P) downloads that are equal for all clients."""
    given: list[Tensor] = field(default_factory=list)
    """(S, P) rows that clients hold after a download."""
    mixed: list[Tensor] = field(default_factory=list)
    """(S, P) downloads that differ between clients."""
    sent: list[Tensor] = field(default_factory=list)
    """(S, P) uploads."""
    means: list[Tensor] = field(default_factory=list)
    """(1, P) means that the server has computed from uploads."""
    gradients: int = 0
    noise: torch.Generator = field(default_factory=torch.Generator)

    def numbers_down(self, before: Sequence[Tensor]) -> int:
        """How many numbers a client downloads; ``before``: the tensors spread in the last round."""
        total = _per_client(_moved(rows, torch.zeros_like(rows)) for rows in self.mixed)
        for number, w in enumerate(self.spread):
            same = number < len(before) and before[number].shape == w.shape
            news = w != before[number] if same else torch.ones_like(w, dtype=torch.bool)
            total += int(((news if news.any() else ~news) & (w != 0)).sum())
        return total

    def numbers_up(self) -> int:
        """How many numbers a client uploads."""
        return _per_client(
            _moved(rows, *self.given, torch.zeros_like(rows))
            for number, rows in enumerate(self.sent)
            if not _follows(rows, [*self.given, *self.sent[:number]])
        )


def _per_client(numbers: Iterable[int]) -> int:
    return -(-sum(numbers) // CLIENTS)


def _moved(rows: Tensor, *known: Tensor) -> int:
    """Numbers of all clients in ``rows`` (S, P) that the receiver does not have in ``known``."""
    alike = [(rows == other).all(0) for other in known if other.shape == rows.shape]
    news = ~torch.stack(alike).any(0)
    return int((rows != 0).any(1).sum()) * int(news.sum())


def _follows(rows: Tensor, known: Sequence[Tensor]) -> bool:
    """Whether ``rows`` is a weighted sum of ``known`` rows, with weights that all clients share."""
    alike = [other.flatten().double() for other in known if other.shape == rows.shape]
    if not alike:
        return False
    columns, wanted = torch.stack(alike, 1), rows.flatten().double()
    if not (columns.isfinite().all() and wanted.isfinite().all()):
        return False
    weights = torch.linalg.lstsq(columns, wanted[:, None], driver="gelsd").solution
    away = (columns @ weights)[:, 0] - wanted
    return bool(away.norm() <= ROUNDING * wanted.norm())


class _Counted:
    """A cohort that keeps a tally; see :class:`benchmark.algorithm.Cohort`.

    Its gradients and logits are random: traffic and number of gradients do not depend on their
    values, and random steps leave no parameter unchanged by chance.
    """

    def __init__(self, cohort: Any, classes: int, tally: _Tally) -> None:
        self._cohort, self._classes, self._tally = cohort, classes, tally
        self._passes: dict[tuple[int, int], _Pass] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cohort, name)

    def spread(self, w: Tensor) -> Tensor:
        """Count a download, unless the server has just computed ``w`` itself."""
        rows: Tensor = self._cohort.spread(w)
        if not _holds(self._tally.means, w) and not _holds(self._tally.spread, w):
            self._tally.spread.append(w)
            self._tally.given.append(rows)
        return rows

    def mean(self, rows: Tensor) -> Tensor:
        """An upload."""
        return self._made(rows, self._cohort.mean(rows))

    def uniform(self, rows: Tensor) -> Tensor:
        """An upload."""
        return self._made(rows, self._cohort.uniform(rows))

    def mix(self, pairs: Tensor, rows: Tensor) -> Tensor:
        """Count an upload and a download."""
        mixed = self._sent(rows, self._cohort.mix(pairs, rows))
        self._tally.mixed.append(mixed)
        return mixed

    def forward(self, rows: Tensor, batch: Any) -> "_Pass":
        """A forward pass; the same object for the same rows and batch."""
        key = (id(rows), id(batch))  # kept with the pass, so that its id is not reused
        if key not in self._passes:
            logits = torch.randn(*batch.y.shape, self._classes, generator=self._tally.noise)
            self._passes[key] = _Pass(rows, batch, logits, self._tally)
        return self._passes[key]

    def grad(
        self, rows: Tensor, batch: Any, loss: AnyLoss = cross_entropy, *given: Tensor
    ) -> Tensor:
        """One gradient."""
        return self.forward(rows, batch).grad(loss, *given)

    def _made(self, rows: Tensor, mean: Tensor) -> Tensor:
        self._tally.means.append(mean)
        return self._sent(rows, mean)

    def _sent(self, rows: Tensor, result: Tensor) -> Tensor:
        if not _holds(self._tally.sent, rows):
            self._tally.sent.append(rows)
        return result


class _Pass:
    """A forward pass that counts its gradients; repeated ones count once."""

    def __init__(self, rows: Tensor, batch: Any, logits: Tensor, tally: _Tally) -> None:
        self._rows, self._batch, self._tally = rows, batch, tally
        self.logits, self.probs = logits, softmax(logits)
        self._asked: list[tuple[tuple[object, ...], Tensor]] = []

    def grad(self, loss: AnyLoss, *given: Tensor) -> Tensor:
        """One gradient."""
        for asked, gradient in self._asked:
            if len(asked) == 1 + len(given) and all(map(is_, asked, (loss, *given))):
                return gradient
        gradient = torch.randn(self._rows.shape, generator=self._tally.noise)
        self._asked.append(((loss, *given), gradient))
        self._tally.gradients += 1
        return gradient


def _holds(tensors: Sequence[Tensor], tensor: Tensor) -> bool:
    return any(tensor is each for each in tensors)
