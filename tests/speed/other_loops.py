"""Loops to compare the engine with: one client at a time, plainly and as the field does it."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tests.algorithms.plain_loops import LOOPS
from tests.algorithms.plain_world import Client, Round, World
from tests.speed.work_units import HYPER, D, Unit, samples

Labelled = tuple[Tensor, Tensor]


class Plain:
    """The reference loops of the parity tests, in float32; evaluation in one pass per client."""

    def __init__(self, unit: Unit) -> None:
        self.unit, federation = unit, unit.federation()
        self.train_sets = _by_client(unit.train_sizes, unit.shape)
        self.test_sets = _by_client(unit.test_sizes, unit.shape)
        clients = [
            Client(list(zip(x.split(D), y.split(D), strict=True))) for x, y in self.train_sets
        ]
        everyone = list(range(len(clients)))
        active = everyone[: federation.sampling.active_clients]
        trains = active if unit.algorithm == "fedavg" else everyone
        schedule = [Round(trains, active)]
        self.world = World(federation.network.module, clients, schedule, by_samples=True)
        self.w = federation.network.row()
        self.personal: Tensor | None = None

    def train(self) -> None:
        """One round."""
        h = asdict(self.unit.method.resolve(HYPER[self.unit.algorithm]))
        outcome = LOOPS[self.unit.algorithm](self.world, self.w, h)
        self.personal = outcome.get("personal")

    def evaluate(self) -> None:
        """All scores of a round."""
        sets = [self.test_sets, *([self.train_sets] if self.unit.train_loss else [])]
        with torch.no_grad():
            for clients in sets:
                for i, (x, y) in enumerate(clients):
                    rows = [self.w, *([] if self.personal is None else [self.personal[i]])]
                    for row in rows:
                        _scores(self.world.logits(row, x), y)


class Loaders:
    """As the field's code does it: a DataLoader, a module and a copy of its parameters per client.

    Every step draws a batch by the loader's iterator; K inner steps, and for PFML the outer
    gradients once more; scores are read back batch by batch.
    """

    def __init__(self, unit: Unit) -> None:
        self.unit, module = unit, unit.federation().network.module
        self.train_sets, self.test_sets = (
            [TensorDataset(*own) for own in _by_client(sizes, unit.shape)]
            for sizes in (unit.train_sizes, unit.test_sizes)
        )
        self.loaders = [DataLoader(own, D, shuffle=True) for own in self.train_sets]
        self.batches = [_endless(loader) for loader in self.loaders]
        self.server = module
        self.auxiliary = [deepcopy(module) for _ in self.loaders]

    def train(self) -> None:
        """One round."""
        clients = range(len(self.loaders))
        if self.unit.algorithm == "fedavg":
            clients = range(len(self.loaders) // 2)
        sent = [getattr(self, f"_{self.unit.algorithm}")(i) for i in clients]
        with torch.no_grad():
            for i, p in enumerate(self.server.parameters()):
                p.copy_(sum(list(m.parameters())[i] for m in sent) / len(sent))

    def evaluate(self) -> None:
        """All scores of a round."""
        sets = [self.test_sets, *([self.train_sets] if self.unit.train_loss else [])]
        with torch.no_grad():
            for clients in sets:
                for i, own in enumerate(clients):
                    models = [self.server]
                    if self.unit.algorithm != "fedavg":
                        models.append(self.auxiliary[i])
                    for model in models:
                        for x, y in DataLoader(own, D):
                            _scores(model(x), y)

    def _fedavg(self, i: int) -> nn.Module:
        model = deepcopy(self.server)
        for _ in range(HYPER["fedavg"]["E"]):
            _descend(model, _gradients(model, next(self.batches[i])), 0.01)
        return model

    def _pfedme(self, i: int) -> nn.Module:
        local = deepcopy(self.server)
        theta = self.auxiliary[i]
        for _ in range(HYPER["pfedme"]["E"]):
            batch = next(self.batches[i])
            for _ in range(HYPER["pfedme"]["K"]):
                _descend(theta, _gradients(theta, batch), 0.01, local, 15.0)
            _descend(local, None, 0.01, theta, 15.0)
        return local

    def _pfml(self, i: int) -> nn.Module:
        m, w = self.auxiliary[i], deepcopy(self.server)
        for _ in range(HYPER["pfml"]["E"]):
            batch = next(self.batches[i])
            theta, w_hat = deepcopy(m), deepcopy(w)
            for _ in range(HYPER["pfml"]["K"]):
                down = _gradients(theta, batch, w_hat), _gradients(w_hat, batch, theta)
                _descend(theta, down[0], 0.01, m, 15.0)
                _descend(w_hat, down[1], 0.01, w, 15.0)
            down = _gradients(m, batch, w), _gradients(w, batch, m)
            _descend(m, down[0], 0.01, theta, 15.0)
            _descend(w, down[1], 0.01, w_hat, 15.0)
        return w


def _gradients(
    model: nn.Module, batch: Labelled, peer: nn.Module | None = None
) -> tuple[Tensor, ...]:
    x, y = batch
    logits = model(x)
    loss = F.cross_entropy(logits, y)
    if peer is not None:
        with torch.no_grad():
            p = peer(x).softmax(1)
        loss = loss - (p * logits.softmax(1)).sum(1).mean()
    return torch.autograd.grad(loss, list(model.parameters()))


def _descend(
    model: nn.Module,
    grads: tuple[Tensor, ...] | None,
    step: float,
    centre: nn.Module | None = None,
    lam: float = 0.0,
) -> None:
    with torch.no_grad():
        for i, p in enumerate(model.parameters()):
            slope = torch.zeros_like(p) if grads is None else grads[i]
            if centre is not None:
                slope = slope + lam * (p - list(centre.parameters())[i])
            p.sub_(step * slope)


def _scores(logits: Tensor, y: Tensor) -> tuple[float, float]:
    correct = (logits.argmax(1) == y).sum().item()
    return correct, F.cross_entropy(logits, y, reduction="sum").item()


def _endless(loader: "DataLoader[tuple[Tensor, ...]]") -> Iterator[Labelled]:
    batches: Iterator[Labelled] = chain.from_iterable(loader for _ in iter(int, 1))
    return batches


def _by_client(sizes: tuple[int, ...], shape: tuple[int, ...]) -> list[Labelled]:
    x, y = samples(sizes, shape)
    return list(zip(x.split(list(sizes)), y.split(list(sizes)), strict=True))
