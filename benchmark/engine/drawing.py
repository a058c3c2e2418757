"""Draw the samples of every client's mini-batches, in one of three ways."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.engine.blocks import Blocks, Ints
from benchmark.engine.streams import stream


@dataclass(frozen=True)
class Phase:
    """A phase of a round's local work, in units of :attr:`Drawing.unit`."""

    before: int
    """Units of this round before the phase."""
    length: int
    """Units of the phase, at least one."""
    total: int
    """Units of the whole round."""


@dataclass(frozen=True)
class Drawing:
    """How the clients that train in a round draw their batches."""

    data: Blocks
    """Every client's training set."""
    kind: str
    """``fixed_order``, ``with_replacement`` or ``shuffled_passes``."""
    in_epochs: bool
    """True: local work is counted in passes over a client's training set; False: in batches."""
    seeds: tuple[int, ...]
    """The seed of each replica."""
    training: Sequence[Ints]
    """The clients that train, per replica."""
    round_: int
    """The round's number, from 0."""
    longest: bool
    """True: a phase lasts until every client of the federation would be done, so that all rounds
    are equally long. False: until every client that trains is done."""

    @property
    def clients(self) -> Ints:
        """(S,) the clients that train, one replica after another."""
        return np.concatenate(self.training)

    def unit(self, clients: Ints) -> Ints:
        """Number of batches in one unit of each client's local work."""
        return self.data.count[clients] if self.in_epochs else np.ones_like(clients)

    def steps(self, phase: Phase) -> int:
        """Number of steps until the last client is done."""
        asked = np.arange(len(self.data.size)) if self.longest else self.clients
        return phase.length * int(self.unit(asked).max())

    def live(self, phase: Phase) -> NDArray[np.bool_] | None:
        """(steps, S) True while the client has a batch left. None: all clients always have one."""
        own, steps = phase.length * self.unit(self.clients), self.steps(phase)
        return None if (own == steps).all() else np.arange(steps)[:, None] < own

    def index(self, phase: Phase) -> Ints:
        """(steps, S) indices of blocks, or (steps, S, B) of samples. A client that has run out of
        batches has those of its last one."""
        draw = {
            "fixed_order": self._fixed_order,
            "with_replacement": self._with_replacement,
            "shuffled_passes": self._shuffled_passes,
        }[self.kind]
        unit = self.unit(self.clients)
        last = phase.length * unit - 1
        own = phase.before * unit + np.minimum(np.arange(self.steps(phase))[:, None], last)
        return draw(own, self.round_ * phase.total * unit, phase)

    def _fixed_order(self, own: Ints, before: Ints, phase: Phase) -> Ints:
        """Each client repeats the blocks of its training set in order."""
        data, clients = self.data, self.clients
        blocks: Ints = data.first[clients] + (before + own) % data.count[clients]
        return blocks

    def _with_replacement(self, own: Ints, before: Ints, phase: Phase) -> Ints:
        """Each batch is drawn from the whole training set."""
        data = self.data
        N, B = len(data.size), data.x.shape[1]
        steps = phase.total * int(self.unit(np.arange(N)).max())
        drawn = []
        columns = np.split(own, np.cumsum([len(clients) for clients in self.training])[:-1], axis=1)
        for seed, clients, places in zip(self.seeds, self.training, columns, strict=True):
            uniform = stream(seed, "batches", self.round_).random((steps, N, B))
            index = (uniform * data.size[:, None]).astype(np.int64) + data.first[:, None] * B
            drawn.append(index[places, clients])
        return np.concatenate(drawn, axis=1)

    def _shuffled_passes(self, own: Ints, before: Ints, phase: Phase) -> Ints:
        """Each pass over a training set has a new random order."""
        data, index = self.data, []
        pairs = zip(self.seeds, self.training, strict=True)
        seeds = [seed for seed, clients in pairs for _ in clients]
        positions = (before + own).T
        for seed, client, places in zip(seeds, self.clients, positions, strict=True):
            count = data.count[client]
            orders = {
                int(p): self._pass_order(seed, int(client), int(p))
                for p in np.unique(places // count)
            }
            index.append([orders[p // count][p % count] for p in places])
        return np.array(index, dtype=np.int64).transpose(1, 0, 2)

    def _pass_order(self, seed: int, client: int, number: int) -> Ints:
        """(blocks, B): the client's samples shuffled, then its padding."""
        data = self.data
        B = data.x.shape[1]
        places = np.arange(data.count[client] * B) + data.first[client] * B
        stream(seed, "batches", client, number).shuffle(places[: data.size[client]])
        order: Ints = places.reshape(-1, B)
        return order

    def uniforms(self, phase: Phase) -> NDArray[np.float64]:
        """(steps, S) numbers in [0, 1), one for each client and step."""
        steps, N = self.steps(phase), len(self.data.size)
        drawn = [
            stream(seed, "draws", self.round_).random((steps, N))[:, clients]
            for seed, clients in zip(self.seeds, self.training, strict=True)
        ]
        return np.concatenate(drawn, axis=1)
