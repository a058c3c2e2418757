"""What a communication round of a cell costs, counted while a small federation trains.

The verbs of a cohort say what moves. ``spread`` is a download, ``mean`` and ``uniform`` are
uploads, ``mix`` is both: each sender's row goes up, and what it is mixed to comes down. What moves
twice in a round is counted once. ``products``, and spreading a mean of the same round, are the
server's own work. Two things are not sent although a method writes whole rows:

- parameters that are 0 for all clients, or, on the way up, as they were downloaded, as the head
  of a model of which only the body is shared;
- a whole row of zeros, as those of the models of a cluster that a client is not in.
"""

from collections.abc import Sequence
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
"""Of the small federation: what a client moves and computes does not depend on them."""


def costs_of(cell: Cell, method: Method, shape: tuple[int, ...], classes: int) -> Costs | None:
    """Costs per client of a cell's second round; the first may start from what is the same for all.

    shape: of an input, without the batch axis. None where the method fails on the small federation.
    """
    problem = _small(cell, shape, classes)
    tallies = [_Tally() for _ in range(3)]
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
    """Two rounds and their personalised models, each with a tally of its own."""
    hyper = method.resolve(cell.hyper)
    state = method.init(w, federation.everyone(0), hyper)
    for number, tally in enumerate(tallies[:2]):
        state = method.train_round(
            state, _Counted(federation.cohort(number), classes, tally), hyper
        )
    method.personal_models(state, _Counted(federation.everyone(1), classes, tallies[2]), hyper)


def _small(cell: Cell, shape: tuple[int, ...], classes: int) -> Problem:
    """The cell's models on a few clients with random samples, all of whom train and send."""
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
    """What the verbs of a cohort were called with in one round, each tensor once."""

    spread: list[Tensor] = field(default_factory=list)
    """(1, P) downloads that are the same for all clients."""
    given: list[Tensor] = field(default_factory=list)
    """(S, P) what clients hold after a download."""
    mixed: list[Tensor] = field(default_factory=list)
    """(S, P) downloads of each client's own."""
    sent: list[Tensor] = field(default_factory=list)
    """(S, P) uploads."""
    means: list[Tensor] = field(default_factory=list)
    """(1, P) what the server has made of uploads."""
    gradients: int = 0
    noise: torch.Generator = field(default_factory=torch.Generator)

    def numbers_down(self, before: Sequence[Tensor]) -> int:
        """How many numbers a client downloads; ``before``: what the last round spread."""
        total = sum(_moved(rows, torch.zeros_like(rows)) for rows in self.mixed)
        for number, w in enumerate(self.spread):
            same = number < len(before) and before[number].shape == w.shape
            news = w != before[number] if same else torch.ones_like(w, dtype=torch.bool)
            total += int(((news if news.any() else ~news) & (w != 0)).sum())
        return total

    def numbers_up(self) -> int:
        """How many numbers a client uploads."""
        return sum(_moved(rows, *self.given, torch.zeros_like(rows)) for rows in self.sent)


def _moved(rows: Tensor, *known: Tensor) -> int:
    """Numbers per client in ``rows`` (S, P) that the other side does not have in ``known``."""
    alike = [(rows == other).all(0) for other in known if other.shape == rows.shape]
    news = ~torch.stack(alike).any(0)
    return -(-int((rows != 0).any(1).sum()) * int(news.sum()) // len(rows))


class _Counted:
    """A cohort that keeps a tally; see :class:`benchmark.algorithm.Cohort`.

    Its gradients and logits are noise: what moves, and how often a gradient is asked for, does not
    depend on their values, and no parameter stays as it was by chance.
    """

    def __init__(self, cohort: Any, classes: int, tally: _Tally) -> None:
        self._cohort, self._classes, self._tally = cohort, classes, tally
        self._passes: dict[tuple[int, int], _Pass] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cohort, name)

    def spread(self, w: Tensor) -> Tensor:
        """A download, unless the server has just made ``w`` itself."""
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
        """An upload and a download."""
        mixed = self._sent(rows, self._cohort.mix(pairs, rows))
        self._tally.mixed.append(mixed)
        return mixed

    def forward(self, rows: Tensor, batch: Any) -> "_Pass":
        """A forward pass; the same one for the same rows and batch."""
        key = (id(rows), id(batch))  # kept with the pass, so that no id is used twice
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
    """A forward pass that counts its gradients, those asked for again once."""

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
