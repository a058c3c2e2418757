"""The interface of methods: everything that a method may import.

A model's parameters are one flat row, and the models of the clients that train in a round are
stacked rows. A round is tensor algebra on all of them at once. Every tensor is one of

====== ========== ==========================================================
Row    (P,)       one model
Rows   (S, P)     one model per training client
Table  (R·N, P)   one model per client of the federation, replica by replica
Globals (R, P)    one global model per replica
====== ========== ==========================================================

A replica is one seed: with R > 1 all seeds of a cell run as one program, and methods need not know.
A method is a file in ``algorithms/`` (or any path given to ``--algorithm``) with

- ``Hyper``: a frozen dataclass of its settings, each with a default;
- ``State``: a ``NamedTuple`` of tensors; its field ``w``, where it has one, holds the
  global models (R, P), the ones that "GM" scores evaluate;
- ``init(w, everyone, hyper) -> State``: ``w`` (R, P) are the initial models;
- ``train_round(state, cohort, hyper) -> State``: one communication round;
- ``personal_models(state, everyone, hyper) -> Table | None``: what "PM" scores evaluate;

and, optionally, ``NAME``, its name in reports; ``RANGES``, the values of its settings that tuning
tries: a pair of numbers is a range on a logarithmic scale, any other tuple a list of values; and
``STEP_SIZES``, the settings that a cell's schedule changes, by default ``("eta",)``.

If a cell counts local work in epochs, clients take different numbers of steps. Every change of rows
must then go through ``batch.step(old, new)``: clients that have run out of batches keep their
old rows, all others get their new ones.

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
    "Layers",
    "Loss",
    "Momentum",
    "NonNegative",
    "Positive",
    "Rows",
    "Share",
    "Steps",
    "Table",
    "Whole",
    "cross_entropy",
    "disagreement",
    "distance",
    "heavy_ball",
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
Share = Annotated[float, Field(ge=0, le=1)]
Momentum = Annotated[float, Field(ge=0, lt=1)]
Steps = Annotated[int, Field(ge=1)]
Layers = Annotated[int, Field(ge=0)]
Whole = Annotated[int, Field(ge=0)]


class Forward(Protocol):
    """One forward pass of every training client's model over its batch."""

    @property
    def logits(self) -> Tensor:
        """(S, B, C) logits, as constants: gradients do not flow through them."""

    @property
    def probs(self) -> Tensor:
        """(S, B, C) class probabilities, as constants."""

    def grad(self, loss: AnyLoss, *given: Tensor) -> Rows:
        """(S, P) the gradient of each client's loss; ``given`` are constants of the loss."""


class Cohort(Protocol):
    """The clients of one round, as a method sees them: S of them, over all replicas."""

    def spread(self, w: Globals) -> Rows:
        """Download: each client gets its replica's global model."""

    def auxiliary(self, w: Globals) -> Rows:
        """The initial values of clients' own models: ``spread(w)``, or, if the cell names another
        architecture for them, random models of that architecture."""

    def read(self, table: Table) -> Rows:
        """These clients' rows of a table."""

    def write(self, table: Table, rows: Rows) -> Table:
        """A new table with these clients' rows replaced and all others untouched."""

    def batches(self, steps: int) -> Iterator[Batch]:
        """The next ``steps`` mini-batches of every client's training set; or, if the cell counts
        local work in epochs, the mini-batches of ``steps`` passes over it."""

    def phases(self, *steps: int) -> tuple[Iterator[Batch], ...]:
        """Batches for several phases of local work, each drawn after those of the phase before:
        ``first, then = cohort.phases(10, 1)``. A phase may have length 0."""

    def draws(self, steps: int) -> Iterator[Tensor]:
        """(S, 1) uniform numbers in [0, 1), one per client, for each of ``batches(steps)``."""

    def start(self, k: int) -> Globals:
        """The k-th further initial model of each replica, drawn like the first; k = 1, 2, …"""

    def head(self, layers: int = 1) -> Tensor:
        """(P,) true for the parameters of the last ``layers`` layers (0: none), false for the
        body. Raises BenchmarkError unless the logits are the outputs of a linear layer."""

    @property
    def counts(self) -> Tensor:
        """(S, C) the number of training samples of each class that each client has."""

    def forward(self, rows: Rows, batch: Batch) -> Forward:
        """A forward pass, for several gradients or for a peer's probabilities."""

    def grad(self, rows: Rows, batch: Batch, loss: AnyLoss = ..., *given: Tensor) -> Rows:
        """``forward(rows, batch).grad(loss, *given)``; the loss is cross-entropy unless given."""

    def mean(self, rows: Rows) -> Globals:
        """The server's mean over those who send, weighted as the protocol says."""

    def uniform(self, rows: Rows) -> Globals:
        """The mean over those who send, all weighted alike whatever the protocol says."""

    @property
    def fraction(self) -> float:
        """Clients that send in this round, over all clients of the federation."""

    @property
    def sends(self) -> Tensor:
        """(S, 1) 1 for a client that sends, 0 for one that only trains."""

    def products(self, rows: Rows) -> Tensor:
        """(R, n, n) inner products of the rows of each replica's n clients, S = R·n."""

    def mix(self, pairs: Tensor, rows: Rows) -> Rows:
        """rows_i + Σ_j pairs_ij (rows_j − rows_i), for i and j among the clients that send; the
        rows of others are unchanged. pairs: (R, n, n). A client's result depends on which other
        clients train."""


def proximal_step(
    rows: Rows, grad: Rows, step: float, lam: float, centre: Rows, mu: float = 0.0
) -> Rows:
    """rows − step · (grad + lam · (rows − centre) + mu · rows), as one sum.

    One step of gradient descent on a loss with lam/2 ‖rows − centre‖² + mu/2 ‖rows‖² added;
    lam = 0: plain SGD with weight decay mu; step · lam = 1, grad = 0: the centre itself.
    """
    return weighted_sum((1 - step * (lam + mu), rows), (-step, grad), (step * lam, centre))


def heavy_ball(
    velocity: Rows | None, grad: Rows, rows: Rows, momentum: float, decay: float = 0.0
) -> Rows:
    """momentum · velocity + grad + decay · rows: Polyak's heavy ball with weight decay.

    Returns the next velocity. velocity: None in the first step. momentum = decay = 0: returns
    the gradient itself.
    """
    terms = [(1.0, grad)]
    if decay > 0:
        terms.append((decay, rows))
    if velocity is not None and momentum > 0:
        terms.append((momentum, velocity))
    return weighted_sum(*terms) if len(terms) > 1 else grad


def distance(products: Tensor) -> Tensor:
    """Squared distances ‖a_i − a_j‖² of rows from their inner products, both (R, n, n).

    Take the products of rows minus their mean: distances stay the same, and fewer digits cancel.
    """
    norms = products.diagonal(dim1=1, dim2=2)
    return (norms[:, :, None] + norms[:, None] - 2 * products).clamp_min(0)
