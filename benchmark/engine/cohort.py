"""The clients of a federation on a device: sampling, batches, stacked gradients."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.engine.blocks import Blocks, Ints
from benchmark.engine.deferred import Views, dense_rows
from benchmark.engine.drawing import Drawing, Phase
from benchmark.engine.forward import Pass
from benchmark.engine.losses import AnyLoss, Batch, cross_entropy
from benchmark.engine.models import Inputs, Network
from benchmark.engine.streams import stream
from benchmark.engine.structure import Structure
from benchmark.errors import BenchmarkError


@dataclass(frozen=True)
class Sampling:
    """Fields of the cell that a cohort follows; see :class:`benchmark.spec.Cell`."""

    active_clients: int
    """Number of clients that send in each round."""
    participation: str
    """``all`` or ``sampled``: the clients that train."""
    aggregation: str
    """``samples`` or ``uniform``: the weights of the server's mean."""
    batches: str
    """``fixed_order``, ``shuffled_passes`` or ``with_replacement``."""
    local_work: str = "steps"
    """``steps`` or ``epochs``: the unit of local work."""


@dataclass(frozen=True)
class Auxiliary:
    """Another architecture for the models that clients keep to themselves."""

    network: Network
    """The architecture."""
    rows: Tensor
    """(R, P') initial models of each replica's clients."""


@dataclass(frozen=True)
class Federation:
    """All clients of a cell on one device, with one replica per seed."""

    network: Network
    """Architecture of the global models."""
    train: Blocks
    """Training samples."""
    seeds: tuple[int, ...]
    """The seed of each replica."""
    sampling: Sampling
    """Fields of the cell that a cohort follows."""
    auxiliary: Auxiliary | None = None
    """Architecture of the clients' own models. None: that of the global ones."""

    @property
    def networks(self) -> list[Network]:
        """All architectures."""
        return [self.network, *([self.auxiliary.network] if self.auxiliary else [])]

    @property
    def convolutions(self) -> str:
        """The library that computes convolutions; see :meth:`Network.convolutions`."""
        ways = {network.convolutions(self.device) for network in self.networks}
        return ", ".join(sorted(ways))

    def network_of(self, rows: Tensor) -> Network:
        """The architecture of models with this width of a row."""
        other = self.auxiliary
        known = [self.network] if other is None else [self.network, other.network]
        for network in known:
            if rows.shape[1] == network.parameters:
                return network
        widths = " or ".join(str(network.parameters) for network in known)
        raise BenchmarkError(f"rows of {rows.shape[1]} parameters, allowed: {widths}")

    @cached_property
    def structure(self) -> Structure:
        """Facts about the network and its training data; see :class:`Structure`."""
        return Structure(self.network, self.train)

    @property
    def clients(self) -> int:
        """N, the number of clients."""
        return len(self.train.size)

    @property
    def device(self) -> torch.device:
        """The device of data and models."""
        return self.train.x.device

    def cohort(self, round_: int) -> "Cohort":
        """The clients that train in a round."""
        chosen = [self._sampled(seed, round_) for seed in self.seeds]
        if self.sampling.participation == "sampled":
            return Cohort(self, round_, chosen, chosen)
        return Cohort(self, round_, [np.arange(self.clients)] * len(self.seeds), chosen)

    def everyone(self, round_: int) -> "Cohort":
        """All clients; all of them train and send."""
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
        sends = [np.isin(*pair) for pair in zip(training, sending, strict=True)]
        self._sends = self._shares(sends, "uniform").to(federation.device)
        self._weights = self._shares(sends, federation.sampling.aggregation).to(federation.device)
        self._drawn: dict[tuple[str, Phase], Tensor | None] = {}
        self.fraction = len(sending[0]) / N

    def become(self, other: "Cohort") -> None:
        """Copy the draws of another round of this federation into the tensors of this one."""
        self._index.copy_(other._index)
        self._weights.copy_(other._weights)
        self._sends.copy_(other._sends)
        for (what, phase), place in self._drawn.items():
            if place is not None and (values := other._now(what, phase)) is not None:
                place.copy_(values)

    def _shares(self, sends: list[NDArray[np.bool_]], aggregation: str) -> Tensor:
        """(R, 1, clients) weights of the mean: 0 for clients that do not send; they sum to 1."""
        sizes = self._federation.train.size
        weights = []
        for training, senders in zip(self._training, sends, strict=True):
            raw = senders.astype(np.float64)
            if aggregation == "samples":
                raw = raw * sizes[training]
            weights.append(raw / raw.sum())
        return torch.from_numpy(np.stack(weights))[:, None].to(self._federation.train.x.dtype)

    @cached_property
    def _drawing(self) -> Drawing:
        of = self._federation
        longest = of.device.type != "cpu"  # all recorded rounds have the same number of steps
        how, in_epochs = of.sampling.batches, of.sampling.local_work == "epochs"
        return Drawing(of.train, how, in_epochs, of.seeds, self._training, self._round, longest)

    def spread(self, w: Tensor) -> Tensor:
        """Download: (R, P) to (S, P)."""
        return w.repeat_interleave(len(self._training[0]), dim=0)

    def auxiliary(self, w: Tensor) -> Tensor:
        """(S, P') initial models that clients keep; ``spread(w)`` if they are like ``w``."""
        other = self._federation.auxiliary
        return self.spread(w if other is None else other.rows)

    def read(self, table: Tensor) -> Tensor:
        """These clients' rows of a table."""
        return table if self._whole else table[self._index]

    def write(self, table: Tensor, rows: Tensor) -> Tensor:
        """A new table with these clients' rows replaced."""
        return rows if self._whole else table.index_copy(0, self._index, rows)

    def mean(self, rows: Tensor) -> Tensor:
        """Average (S, P) to (R, P) over the clients that send, with the protocol's weights."""
        return torch.bmm(self._weights, self._by_replica(rows)).squeeze(1)

    def uniform(self, rows: Tensor) -> Tensor:
        """Average (S, P) to (R, P) over the clients that send, with equal weights."""
        return torch.bmm(self._sends, self._by_replica(rows)).squeeze(1)

    @property
    def sends(self) -> Tensor:
        """(S, 1): 1 for a client that sends, 0 for one that only trains."""
        return (self._sends > 0).to(self._sends.dtype).flatten()[:, None]

    def products(self, rows: Tensor) -> Tensor:
        """(R, n, n): inner products of the rows of a replica's n clients."""
        replicas = self._by_replica(rows)
        return torch.bmm(replicas, replicas.mT)

    def mix(self, pairs: Tensor, rows: Tensor) -> Tensor:
        """rows_i + Σ_j pairs_ij (rows_j − rows_i) among clients that send; others are unchanged."""
        sends = (self._sends > 0).to(rows.dtype)
        pairs = pairs * sends * sends.mT
        replicas = self._by_replica(rows)
        moved = replicas - pairs.sum(2, keepdim=True) * replicas + torch.bmm(pairs, replicas)
        return moved.flatten(0, 1)

    def _by_replica(self, rows: Tensor) -> Tensor:
        return dense_rows(rows).view(len(self._training), -1, rows.shape[1])

    def head(self, layers: int = 1) -> Tensor:
        """(P,): true for the parameters of the last layers, false for all others."""
        return self._federation.structure.head(layers)

    @property
    def counts(self) -> Tensor:
        """(S, C) numbers of training samples by class."""
        return self.read(self._federation.structure.counts.repeat(len(self._training), 1))

    def start(self, k: int) -> Tensor:
        """(R, P): the k-th further initial model of each replica, k ≥ 1."""
        return self._federation.structure.start(self._federation.seeds, k)

    def forward(self, rows: Tensor, batch: Batch) -> Pass:
        """A forward pass; the same object for the same rows, as long as one caller keeps it."""
        found = batch.passes.get(id(rows))
        if found is None:
            network = self._federation.network_of(rows)
            if len(rows) != len(self._index):
                raise BenchmarkError(f"{len(rows)} rows, allowed: {len(self._index)}, one a client")
            found = Pass(network, rows, batch)
            batch.passes[id(rows)] = found
        return found

    def grad(
        self, rows: Tensor, batch: Batch, loss: AnyLoss = cross_entropy, *given: Tensor
    ) -> Tensor:
        """The gradient of one loss, from a new forward pass."""
        return self.forward(rows, batch).grad(loss, *given)

    def batches(self, steps: int) -> Iterator[Batch]:
        """The next mini-batches of every client, as the protocol draws them."""
        (phase,) = self.phases(steps)
        return phase

    def phases(self, *steps: int) -> tuple[Iterator[Batch], ...]:
        """The next mini-batches, one phase after another."""
        before, total = [0, *accumulate(steps)], sum(steps)
        starts = zip(before, steps, strict=False)
        return tuple(self._batches(Phase(start, length, total)) for start, length in starts)

    def _batches(self, phase: Phase) -> Iterator[Batch]:
        if phase.length == 0:
            return
        data = self._federation.train
        x, y, mask = data.x, data.y, data.mask
        if self._federation.sampling.batches != "fixed_order":
            x, y, mask = x.flatten(0, 1), y.flatten(), mask.flatten()
        index, live = self._now("index", phase), self._now("live", phase)
        assert index is not None
        stepped: list[bool] = []
        for number, places in enumerate(index):
            now = None if live is None else live[number, :, None]
            real = _picked(mask, places)
            yield Batch(self._inputs(x, places, real), _picked(y, places), real, now, stepped)
        if live is not None and not stepped:
            raise BenchmarkError(
                "clients take unequal numbers of steps, and the method never calls batch.step; "
                'allowed: local_work = "steps"'
            )

    def draws(self, steps: int) -> Iterator[Tensor]:
        """(S, 1) uniform numbers in [0, 1), for each of the same number of batches."""
        uniforms = self._now("uniforms", Phase(0, steps, steps))
        assert uniforms is not None
        return (each[:, None] for each in uniforms.to(self._federation.train.x.dtype))

    def _now(self, what: str, phase: Phase) -> Tensor | None:
        """Attribute ``index``, ``live`` or ``uniforms`` of a :class:`Drawing`, on the device."""
        if (what, phase) not in self._drawn:
            values = getattr(self._drawing, what)(phase)
            on_device = None if values is None else torch.from_numpy(values).to(self._index.device)
            self._drawn[what, phase] = on_device
        return self._drawn[what, phase]

    def _inputs(self, x: Tensor, index: Tensor, mask: Tensor) -> Inputs:
        if not all(network.takes_views(x.device) for network in self._federation.networks):
            return _picked(x, index)
        sizes = [int(size) for size in mask.sum(1).tolist()]
        if index.ndim > 1:
            return Views(_picked(x, index).unbind(), sizes=sizes)
        blocks = index.tolist()
        return Views([x[block] for block in blocks], partial(self._grams, blocks), sizes)

    def _grams(self, blocks: list[int]) -> list[Tensor]:
        return [self._federation.train.gram(block) for block in blocks]


def _picked(values: Tensor, index: Tensor) -> Tensor:
    return values.index_select(0, index.flatten()).view(*index.shape, *values.shape[1:])
