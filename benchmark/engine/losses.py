"""Mini-batches, and losses with their gradients at the logits in closed form."""

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
    """One mini-batch per training client."""

    inputs: Tensor | Sequence[Tensor]
    """(S, B, …), or views (B, …) of each client's data; methods read :attr:`x` instead."""
    y: Tensor
    """(S, B) int64 labels."""
    mask: Tensor
    """(S, B) 1 for samples, 0 for padding."""
    live: Tensor | None = None
    """(S, 1) True for clients that have a batch left. None: all have one. Other clients get their
    last batch again and must keep their rows; see :meth:`step`."""
    stepped: list[bool] = field(default_factory=list, repr=False)
    """Not empty once :meth:`step` was called for this batch or one drawn with it."""
    passes: WeakValueDictionary[int, Any] = field(default_factory=WeakValueDictionary, repr=False)
    """Forward passes in use, by the id of their rows."""

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
        """(S, B) each sample's weight in its client's mean: 0 for padding; the sum is 1."""
        return self.mask / self.mask.sum(1, keepdim=True)


@dataclass(frozen=True)
class Loss:
    """A loss on logits, one number per sample, with its gradient in closed form.

    ``given`` are constants beside the labels, such as a peer's probabilities (S, B, C); a loss
    ignores those that it does not need. Losses can be added and weighted:
    ``cross_entropy + 0.5 * kl_divergence``.
    """

    of_samples: Callable[..., Tensor]
    """The loss of each sample: (logits (S, B, C), y (S, B), *given) -> (S, B)."""
    slope: Callable[..., Tensor]
    """Its gradient at the logits: (probs (S, B, C), y (S, B), *given) -> (S, B, C)."""

    def __call__(self, logits: Tensor, batch: Batch, *given: Tensor) -> Tensor:
        """(S,) the mean over each client's batch without padding."""
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
differentiate. It returns one number per client, so that gradients of clients stay separate."""


def softmax(logits: Tensor) -> Tensor:
    """Class probabilities (S, B, C), laid out class by class as logits are.

    :mod:`benchmark.engine.models` says why. Gradients keep that layout, because adding tensors of
    two layouts is several times slower.
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
"""KL(peer ‖ model), summed over classes, in nats; 0 if the two are equal."""

disagreement = Loss(_disagreement, _disagreement_slope)
"""−⟨peer, model⟩, from −1 (both sure of one class) to 0.

A KL divergence that is passed probabilities in place of log-probabilities has this value, up to a
constant, and exactly this gradient. It rewards models that are sure of the same class, whereas KL
rewards equal models.
"""
