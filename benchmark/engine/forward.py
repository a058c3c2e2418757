"""One forward pass of all training clients, and the gradients taken from it."""

from functools import cached_property

import torch
from torch import Tensor

from benchmark.engine.losses import AnyLoss, Batch, Loss, softmax
from benchmark.engine.models import Backward, Network


class Pass:
    """A lazy forward pass; logits and each gradient are computed at most once.

    See :class:`benchmark.algorithm.Forward` for the interface.
    """

    def __init__(self, network: Network, rows: Tensor, batch: Batch) -> None:
        self._network, self._rows, self._batch = network, rows, batch
        self._grads: dict[tuple[int, ...], tuple[tuple[object, ...], Tensor]] = {}

    @cached_property
    def _linear(self) -> tuple[Tensor, Backward]:
        return self._network.linearise(self._rows, self._batch.inputs)

    @property
    def logits(self) -> Tensor:
        """(S, B, C) logits, as constants."""
        return self._linear[0]

    @cached_property
    def probs(self) -> Tensor:
        """(S, B, C) class probabilities, as constants."""
        return softmax(self.logits)

    def grad(self, loss: AnyLoss, *given: Tensor) -> Tensor:
        """(S, P) the gradient of each client's loss."""
        key = (id(loss), *map(id, given))
        if key not in self._grads:  # kept with its arguments, so that their ids are not reused
            self._grads[key] = ((loss, *given), self._computed_grad(loss, *given))
        return self._grads[key][1]

    def _computed_grad(self, loss: AnyLoss, *given: Tensor) -> Tensor:
        logits, backward = self._linear
        if isinstance(loss, Loss):
            slope = loss.slope(self.probs, self._batch.y, *given)
            return backward(slope * self._batch.share[..., None])
        leaf = logits.detach().requires_grad_()
        (slope,) = torch.autograd.grad(loss(leaf, self._batch, *given).sum(), leaf)
        return backward(slope)
