"""All that a method may import.

A model's parameters are one flat row; the clients that train in a round are stacked rows;
a round is plain tensor algebra on all of them at once. Every tensor is one of

====== ========== ==========================================================
Row    (P,)       one model
Rows   (S, P)     one model per training client
Table  (R·N, P)   one model per client of the federation, replica by replica
Globals (R, P)    one global model per replica
====== ========== ==========================================================

A replica is one seed: with R > 1 all seeds of a cell run as one program. A method never
sees the difference. It is a file in ``algorithms/`` (or any path given to ``--algorithm``)
with

- ``Hyper``: a frozen dataclass of its settings, each with a default;
- ``State``: a ``NamedTuple`` of tensors; its field ``w``, where it has one, holds the
  global models (R, P), the ones that "GM" scores evaluate;
- ``init(w, everyone, hyper) -> State``: ``w`` (R, P) are the initial models;
- ``train_round(state, cohort, hyper) -> State``: one communication round;
- ``personal_models(state, everyone, hyper) -> Table | None``: what "PM" scores evaluate.

``cohort`` holds the clients that train in this round, ``everyone`` all clients (so that
``everyone.spread(w)`` is a whole table). States are never changed in place.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Protocol

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from benchmark.deferred import weighted_sum

Rows = Tensor
Table = Tensor
Globals = Tensor

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Steps = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, eq=False)
class Batch:
    """One mini-batch for each training client; ``mask`` is 0 where a short batch is padded."""

    inputs: Tensor | Sequence[Tensor]
    """(S, B, …), or each client's (B, …) where they lie: what the engine reads."""
    y: Tensor  # (S, B) int64
    mask: Tensor  # (S, B) 0 or 1

    @cached_property
    def x(self) -> Tensor:
        """(S, B, …), gathered when first asked for."""
        return self.inputs if isinstance(self.inputs, Tensor) else torch.stack([*self.inputs])

    @cached_property
    def share(self) -> Tensor:
        """(S, B) each sample's weight in its client's mean: 0 for padding, 1 in sum."""
        return self.mask / self.mask.sum(1, keepdim=True)


@dataclass(frozen=True)
class Loss:
    """A loss on logits, one number a sample, with its slope in closed form.

    ``given`` are constants beside the labels, such as a peer's probabilities (S, B, C); a loss
    takes those it needs and ignores the rest. Losses can be added and weighted:
    ``cross_entropy + 0.5 * kl_divergence``.
    """

    of_samples: Callable[..., Tensor]
    """(logits (S, B, C), y (S, B), *given) -> (S, B)"""
    slope: Callable[..., Tensor]
    """(probs (S, B, C), y (S, B), *given) -> d of_samples / d logits (S, B, C)"""

    def __call__(self, logits: Tensor, batch: Batch, *given: Tensor) -> Tensor:
        """Mean over each client's batch, padding left out: (S,)."""
        losses = self.of_samples(logits, batch.y, *given) * batch.mask
        return losses.sum(1) / batch.mask.sum(1)

    def __add__(self, other: "Loss") -> "Loss":
        """The sum of two losses."""
        return Loss(
            lambda *args: self.of_samples(*args) + other.of_samples(*args),
            lambda *args: self.slope(*args) + other.slope(*args),
        )

    def __rmul__(self, weight: float) -> "Loss":
        """A weighted loss."""
        if weight == 1:
            return self
        return Loss(
            lambda *args: weight * self.of_samples(*args), lambda *args: weight * self.slope(*args)
        )


AnyLoss = Loss | Callable[..., Tensor]
"""A :class:`Loss`, or any function ``(logits, batch, *given) -> (S,)`` that autograd can
differentiate: one number for each client, so that a stacked gradient is every client's own."""


class Forward(Protocol):
    """One forward pass of every training client's model over its batch."""

    @property
    def logits(self) -> Tensor:
        """(S, B, C), a constant: no gradient flows from what is computed with it."""

    @property
    def probs(self) -> Tensor:
        """(S, B, C) class probabilities, a constant."""

    def grad(self, loss: AnyLoss, *given: Tensor) -> Rows:
        """Gradient of each client's loss at its own row."""


class Cohort(Protocol):
    """What a round hands to a method. S is the number of its clients, over all replicas."""

    def spread(self, w: Globals) -> Rows:
        """Download: each client gets its replica's global model."""

    def auxiliary(self, w: Globals) -> Rows:
        """Where clients' own models start: ``spread(w)``, unless the cell names another
        architecture for them; then they are rows of its size, drawn at random."""

    def read(self, table: Table) -> Rows:
        """These clients' rows of a table."""

    def write(self, table: Table, rows: Rows) -> Table:
        """A new table with these clients' rows replaced and all others untouched."""

    def batches(self, steps: int) -> Iterator[Batch]:
        """The next ``steps`` mini-batches of every client's training set."""

    def forward(self, rows: Rows, batch: Batch) -> Forward:
        """A forward pass; take several gradients or a peer's probabilities from it."""

    def grad(self, rows: Rows, batch: Batch, loss: AnyLoss = ..., *given: Tensor) -> Rows:
        """``forward(rows, batch).grad(loss, *given)``; the loss is cross-entropy unless given."""

    def mean(self, rows: Rows) -> Globals:
        """The server's mean over those who send, weighted as the protocol says."""


def proximal_step(
    rows: Rows, grad: Rows, step: float, lam: float, centre: Rows, mu: float = 0.0
) -> Rows:
    """rows − step · (grad + lam · (rows − centre) + mu · rows), as one sum.

    One step of gradient descent on a loss with lam/2 ‖rows − centre‖² + mu/2 ‖rows‖² added;
    lam = 0: plain SGD with weight decay mu; step · lam = 1, grad = 0: the centre itself.
    """
    return weighted_sum((1 - step * (lam + mu), rows), (-step, grad), (step * lam, centre))


def softmax(logits: Tensor) -> Tensor:
    """Class probabilities (S, B, C), laid out class by class as logits are.

    See :mod:`benchmark.models` for why; slopes keep that layout, as a sum of two layouts takes
    several times as long.
    """
    return torch.softmax(logits.mT, dim=1).mT


def log_softmax(logits: Tensor) -> Tensor:
    """Log-probabilities (S, B, C)."""
    return torch.log_softmax(logits.mT, dim=1).mT


def _cross_entropy(logits: Tensor, y: Tensor, *_: Tensor) -> Tensor:
    return F.cross_entropy(logits.mT, y, reduction="none")


def _cross_entropy_slope(probs: Tensor, y: Tensor, *_: Tensor) -> Tensor:
    minus_one = probs.new_full((1,), -1.0).expand_as(y)
    return probs.mT.scatter_add(1, y[:, None], minus_one[:, None]).mT


def _kl(logits: Tensor, y: Tensor, peer: Tensor) -> Tensor:
    return F.kl_div(log_softmax(logits), peer, reduction="none").sum(-1)


def _kl_slope(probs: Tensor, y: Tensor, peer: Tensor) -> Tensor:
    return probs - peer


def _disagreement(logits: Tensor, y: Tensor, peer: Tensor) -> Tensor:
    return -(softmax(logits) * peer).sum(-1)


def _disagreement_slope(probs: Tensor, y: Tensor, peer: Tensor) -> Tensor:
    product = probs * peer
    return (probs * product.sum(-1, keepdim=True)).sub_(product)


cross_entropy = Loss(_cross_entropy, _cross_entropy_slope)
"""Cross-entropy in nats."""

kl_divergence = Loss(_kl, _kl_slope)
"""KL(peer ‖ model), summed over classes, in nats; 0 where the two agree."""

disagreement = Loss(_disagreement, _disagreement_slope)
"""−⟨peer, model⟩, from −1 (both sure of one class) to 0.

What a KL divergence given probabilities where log-probabilities belong amounts to: up to a
constant it is its value, and exactly its gradient. It rewards being sure together, where KL
rewards being equal.
"""
