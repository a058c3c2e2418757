"""The clients of a federation on a device: sampling, batches, stacked gradients."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor

from benchmark.engine.blocks import Blocks, Ints
from benchmark.engine.deferred import Views, settled
from benchmark.engine.losses import AnyLoss, Batch, Loss, cross_entropy, softmax
from benchmark.engine.models import Backward, Inputs, Network
from benchmark.engine.streams import stream


class Pass:
    """One forward pass, computed when first asked for; each gradient is computed once.

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
        """(S, B, C), a constant."""
        return self._linear[0]

    @cached_property
    def probs(self) -> Tensor:
        """(S, B, C) class probabilities, a constant."""
        return softmax(self.logits)

    def grad(self, loss: AnyLoss, *given: Tensor) -> Tensor:
        """Gradient (S, P) of each client's loss at its own row."""
        key = (id(loss), *map(id, given))
        if key not in self._grads:  # kept with what it is of, so that no id is used twice
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


@dataclass(frozen=True)
class Sampling:
    """The protocol's switches that a cohort follows."""

    active_clients: int
    participation: str
    aggregation: str
    batches: str


@dataclass(frozen=True)
class Auxiliary:
    """Another architecture, of the models that clients keep to themselves."""

    network: Network
    rows: Tensor  # (R, P'): where each replica's clients start


@dataclass(frozen=True)
class Federation:
    """All clients of a cell on one device, for as many replicas as there are seeds."""

    network: Network
    train: Blocks
    seeds: tuple[int, ...]
    sampling: Sampling
    auxiliary: Auxiliary | None = None

    @property
    def networks(self) -> list[Network]:
        """All architectures."""
        return [self.network, *([self.auxiliary.network] if self.auxiliary else [])]

    @property
    def convolutions(self) -> str:
        """What computes the networks' convolutions; see :meth:`Network.convolutions`."""
        ways = {network.convolutions(self.device) for network in self.networks}
        return ", ".join(sorted(ways))

    def network_of(self, rows: Tensor) -> Network:
        """The architecture that rows of this width are models of."""
        other = self.auxiliary
        if other is not None and rows.shape[1] == other.network.parameters:
            return other.network
        return self.network

    @property
    def clients(self) -> int:
        """N."""
        return len(self.train.size)

    @property
    def device(self) -> torch.device:
        """Where data and models live."""
        return self.train.x.device

    def cohort(self, round_: int) -> "Cohort":
        """The clients that train in a round."""
        chosen = [self._sampled(seed, round_) for seed in self.seeds]
        if self.sampling.participation == "sampled":
            return Cohort(self, round_, chosen, chosen)
        return Cohort(self, round_, [np.arange(self.clients)] * len(self.seeds), chosen)

    def everyone(self, round_: int) -> "Cohort":
        """All clients, as training and as sending."""
        each = [np.arange(self.clients)] * len(self.seeds)
        return Cohort(self, round_, each, each)

    def _sampled(self, seed: int, round_: int) -> Ints:
        rng = stream(seed, "client sampling", round_)
        chosen: Ints = np.sort(rng.permutation(self.clients)[: self.sampling.active_clients])
        return chosen


class Cohort:
    """The clients of one round; see :class:`benchmark.algorithm.Cohort` for the interface."""

    def __init__(
        self, federation: Federation, round_: int, training: list[Ints], sending: list[Ints]
    ) -> None:
        self._federation, self._round, self._training = federation, round_, training
        N = federation.clients
        self._whole = all(len(clients) == N for clients in training)
        table = np.concatenate([r * N + clients for r, clients in enumerate(training)])
        self._index = torch.from_numpy(table).to(federation.device)
        self._weights = self._sender_weights(sending).to(federation.device)
        self._drawn: dict[int, Tensor] = {}

    def become(self, other: "Cohort") -> None:
        """Hold what another round of this federation has drawn, at the same addresses."""
        self._index.copy_(other._index)
        self._weights.copy_(other._weights)
        for steps, index in self._drawn.items():
            index.copy_(other._index_of(steps))

    def _sender_weights(self, sending: list[Ints]) -> Tensor:
        """(R, 1, clients): zero for those who do not send, one in sum for each replica."""
        sizes = self._federation.train.size
        weights = []
        for training, senders in zip(self._training, sending, strict=True):
            raw = np.isin(training, senders).astype(np.float64)
            if self._federation.sampling.aggregation == "samples":
                raw = raw * sizes[training]
            weights.append(raw / raw.sum())
        return torch.from_numpy(np.stack(weights))[:, None].to(self._federation.train.x.dtype)

    def spread(self, w: Tensor) -> Tensor:
        """Download: (R, P) to (S, P)."""
        return w.repeat_interleave(len(self._training[0]), dim=0)

    def auxiliary(self, w: Tensor) -> Tensor:
        """(S, P'): where these clients' own models start; ``spread(w)`` if they are like w."""
        other = self._federation.auxiliary
        return self.spread(w if other is None else other.rows)

    def read(self, table: Tensor) -> Tensor:
        """These clients' rows of a table."""
        return table if self._whole else table[self._index]

    def write(self, table: Tensor, rows: Tensor) -> Tensor:
        """A new table with these clients' rows replaced."""
        return rows if self._whole else table.index_copy(0, self._index, rows)

    def mean(self, rows: Tensor) -> Tensor:
        """(S, P) to (R, P), over those who send."""
        replicas = settled(rows).view(len(self._training), -1, rows.shape[1])
        return torch.bmm(self._weights, replicas).squeeze(1)

    def forward(self, rows: Tensor, batch: Batch) -> Pass:
        """One forward pass, shared by all who ask for these rows while one of them holds it."""
        found = batch.passes.get(id(rows))
        if found is None:
            found = Pass(self._federation.network_of(rows), rows, batch)
            batch.passes[id(rows)] = found
        return found

    def grad(
        self, rows: Tensor, batch: Batch, loss: AnyLoss = cross_entropy, *given: Tensor
    ) -> Tensor:
        """The gradient of one loss, from a forward pass of its own."""
        return self.forward(rows, batch).grad(loss, *given)

    def batches(self, steps: int) -> Iterator[Batch]:
        """The next mini-batches of every client, as the protocol draws them."""
        data = self._federation.train
        x, y, mask = data.x, data.y, data.mask
        if self._federation.sampling.batches != "fixed_order":
            x, y, mask = x.flatten(0, 1), y.flatten(), mask.flatten()
        for index in self._index_of(steps):
            yield Batch(self._inputs(x, index), _picked(y, index), _picked(mask, index))

    def _index_of(self, steps: int) -> Tensor:
        """(steps, S) numbers of blocks, or (steps, S, B) of samples, on the device."""
        if steps not in self._drawn:
            draw = {
                "fixed_order": self._fixed_order,
                "with_replacement": self._with_replacement,
                "shuffled_passes": self._shuffled_passes,
            }[self._federation.sampling.batches]
            self._drawn[steps] = torch.from_numpy(draw(steps)).to(self._federation.device)
        return self._drawn[steps]

    def _inputs(self, x: Tensor, index: Tensor) -> Inputs:
        if not all(network.by_client(x.device) for network in self._federation.networks):
            return _picked(x, index)
        if index.ndim > 1:
            return Views(_picked(x, index).unbind())
        blocks = index.tolist()
        return Views([x[block] for block in blocks], partial(self._grams, blocks))

    def _grams(self, blocks: list[int]) -> list[Tensor]:
        return [self._federation.train.gram(block) for block in blocks]

    def _positions(self, steps: int) -> Ints:
        """How many batches each step is into the run, as if all clients trained always."""
        return self._round * steps + np.arange(steps)

    def _fixed_order(self, steps: int) -> Ints:
        """(steps, S) block numbers: each client goes round its training set."""
        data, clients = self._federation.train, np.concatenate(self._training)
        blocks: Ints = data.first[clients] + self._positions(steps)[:, None] % data.count[clients]
        return blocks

    def _with_replacement(self, steps: int) -> Ints:
        """(steps, S, B) sample numbers, each drawn from the whole training set."""
        data = self._federation.train
        B = data.x.shape[1]
        drawn = []
        for seed, clients in zip(self._federation.seeds, self._training, strict=True):
            uniform = stream(seed, "batches", self._round).random(
                (steps, self._federation.clients, B)
            )
            index = (uniform * data.size[:, None]).astype(np.int64) + data.first[:, None] * B
            drawn.append(index[:, clients])
        return np.concatenate(drawn, axis=1)

    def _shuffled_passes(self, steps: int) -> Ints:
        """(steps, S, B) sample numbers: each pass over a training set in an order of its own."""
        data = self._federation.train
        index = []
        for seed, clients in zip(self._federation.seeds, self._training, strict=True):
            for client in clients:
                count = data.count[client]
                orders = {
                    int(p): self._pass_order(seed, int(client), int(p))
                    for p in np.unique(self._positions(steps) // count)
                }
                index.append([orders[p // count][p % count] for p in self._positions(steps)])
        return np.array(index, dtype=np.int64).transpose(1, 0, 2)

    def _pass_order(self, seed: int, client: int, number: int) -> Ints:
        """(blocks, B): the client's samples shuffled, then its padding."""
        data = self._federation.train
        B = data.x.shape[1]
        places = np.arange(data.count[client] * B) + data.first[client] * B
        stream(seed, "batches", client, number).shuffle(places[: data.size[client]])
        order: Ints = places.reshape(-1, B)
        return order


def _picked(values: Tensor, index: Tensor) -> Tensor:
    return values.index_select(0, index.flatten()).view(*index.shape, *values.shape[1:])
