"""Mini-batches and the losses on them, each with its gradient at the logits in closed form."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """One mini-batch for each training client; ``mask`` is 0 where a short batch is padded."""

    inputs: Tensor | Sequence[Tensor]
    """(S, B, …), or each client's (B, …) where they lie: what the engine reads."""
    y: Tensor  # (S, B) int64
    mask: Tensor  # (S, B) 0 or 1
    live: Tensor | None = None
    """(S, 1): has the client a batch left; None where all have. One that has run out is handed
    its last batch again, and must keep what it has: see :meth:`step`."""
    stepped: list[bool] = field(default_factory=list, repr=False)
    """Has anyone asked for a step, of this batch or of others drawn with it."""
    passes: WeakValueDictionary[int, Any] = field(default_factory=WeakValueDictionary, repr=False)
    """Forward passes in use, by the identity of their rows."""

    def step(self, old: Tensor, new: Tensor) -> Tensor:
        """``new`` rows, but ``old`` ones for clients that have no batch left."""
        self.stepped.append(True)
        return new if self.live is None else torch.where(self.live, new, old)

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


def softmax(logits: Tensor) -> Tensor:
    """Class probabilities (S, B, C), laid out class by class as logits are.

    See :mod:`benchmark.engine.models` for why. Slopes keep that layout, as a sum of two layouts
    takes several times as long.
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
