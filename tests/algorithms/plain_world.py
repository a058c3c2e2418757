"""A federation as the plain loops see it: lists of batches, an ordinary module, autograd.

Nothing here knows of stacked rows: a client is a list of batches, a model is an ordinary
module whose parameters are overwritten, a gradient is autograd's of a loss as textbooks
write it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

Settings = Mapping[str, Any]
Labelled = tuple[Tensor, Tensor]
Outcome = dict[str, Tensor]


@dataclass(frozen=True)
class Client:
    """A client's training set, cut into batches; the last may be smaller."""

    batches: list[Labelled]

    @property
    def size(self) -> int:
        return sum(len(y) for _, y in self.batches)

    def batch(self, number: int) -> Labelled:
        """Batches in order; after the last one the first follows again."""
        return self.batches[number % len(self.batches)]


@dataclass(frozen=True)
class Round:
    """The clients that train in a round, and those of them that send."""

    trains: list[int]
    sends: list[int]


@dataclass(frozen=True)
class World:
    """A federation of one replica and its schedule."""

    module: nn.Module
    clients: list[Client]
    rounds: list[Round]
    by_samples: bool
    classes: int = 0
    in_epochs: bool = False
    drawn: Callable[[int, int], list[list[Labelled]]] | None = None
    """(round, steps) to each client's batches, where they do not follow the training set."""
    start: Callable[[int], Tensor] | None = None
    """The k-th further initial model."""
    uniforms: Callable[[int, int], Tensor] | None = None
    """(round, steps) to (steps, N) numbers in [0, 1)."""

    def steps(self, i: int, units: int) -> int:
        """Number of batches in a client's local work."""
        return units * len(self.clients[i].batches) if self.in_epochs else units

    def batches(self, i: int, t: int, units: int) -> list[Labelled]:
        """The batches of a client's local work in round t."""
        if self.drawn is not None:
            return self.drawn(t, units)[i]
        steps = self.steps(i, units)
        return [self.clients[i].batch(t * steps + e) for e in range(steps)]

    def head(self, layers: int) -> Tensor:
        """1 for the parameters of the last layers, 0 for all others."""
        names = [name.rpartition(".")[0] for name, _ in self.module.named_parameters()]
        distinct = list(dict.fromkeys(names))
        last = distinct[len(distinct) - layers :]
        sizes = zip(names, self.parameters, strict=True)
        return torch.cat([torch.full((p.numel(),), float(n in last)) for n, p in sizes]).double()

    def class_counts(self, i: int) -> Tensor:
        """Number of a client's samples with each label."""
        y = torch.cat([labels for _, labels in self.clients[i].batches])
        return torch.tensor([int((y == c).sum()) for c in range(self.classes)]).double()

    @cached_property
    def parameters(self) -> list[nn.Parameter]:
        return list(self.module.parameters())

    def logits(self, row: Tensor, x: Tensor) -> Tensor:
        vector_to_parameters(row, self.parameters)
        out: Tensor = self.module(x)
        return out

    def probabilities(self, row: Tensor, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self.logits(row, x).softmax(1)

    def gradient(self, row: Tensor, batch: Labelled, *more: Callable[[Tensor], Tensor]) -> Tensor:
        """∇ at ``row`` of the mean cross-entropy plus further terms of the logits."""
        x, y = batch
        logits = self.logits(row, x)
        loss = -logits.log_softmax(1).gather(1, y[:, None]).mean()
        for term in more:
            loss = loss + term(logits)
        return parameters_to_vector(torch.autograd.grad(loss, self.parameters))

    def loss(self, row: Tensor, batch: Labelled) -> float:
        """Mean cross-entropy."""
        with torch.no_grad():
            logits = self.logits(row, batch[0])
        return float(-logits.log_softmax(1).gather(1, batch[1][:, None]).mean())

    def plain_mean(self, round_: Round, rows: Mapping[int, Tensor]) -> Tensor:
        """The mean over the clients that send, with equal weights."""
        return sum((rows[i] for i in round_.sends), torch.zeros(())) / len(round_.sends)

    def average(self, round_: Round, rows: Mapping[int, Tensor]) -> Tensor:
        """The server's mean over the clients that send."""
        weights = {i: self.clients[i].size if self.by_samples else 1 for i in round_.sends}
        total = torch.zeros_like(rows[round_.sends[0]])
        for i, weight in weights.items():
            total = total + weight * rows[i]
        return total / sum(weights.values())


def descend(
    world: World,
    row: Tensor,
    batches: list[Labelled],
    h: Settings,
    mask: Tensor | float = 1.0,
    more: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """SGD as in torch, with heavy-ball momentum and weight decay, on parameters under the mask.

    more: a gradient to add, given the row.
    """
    velocity = torch.zeros(())
    for batch in batches:
        slope = world.gradient(row, batch)
        if more is not None:
            slope = slope + more(row)
        if h["decay"] > 0:
            slope = slope + h["decay"] * row
        velocity = h["momentum"] * velocity + slope if h["momentum"] > 0 else slope
        row = row - h["eta"] * velocity * mask
    return row
