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

from collections.abc import Iterator
from typing import Annotated, Protocol

from pydantic import Field
from torch import Tensor

from benchmark.engine.deferred import weighted_sum
from benchmark.engine.losses import (
    AnyLoss,
    Batch,
    Loss,
    cross_entropy,
    disagreement,
    kl_divergence,
    log_softmax,
    softmax,
)

__all__ = [
    "AnyLoss",
    "Batch",
    "Cohort",
    "Forward",
    "Globals",
    "Loss",
    "NonNegative",
    "Positive",
    "Rows",
    "Steps",
    "Table",
    "cross_entropy",
    "disagreement",
    "kl_divergence",
    "log_softmax",
    "proximal_step",
    "softmax",
]

Rows = Tensor
Table = Tensor
Globals = Tensor

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Steps = Annotated[int, Field(ge=1)]


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
