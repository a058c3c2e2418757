"""The work units that speed is measured on: one round of a method at the paper's sizes.

Arithmetic does not depend on the values, so inputs are drawn at random: MNIST's share per
client (20 clients, 2,625 images each), Synthetic's own sizes (100 clients), CIFAR-10's mean.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmark.engine.blocks import Blocks
from benchmark.engine.cohort import Federation, Sampling
from benchmark.engine.cuda_graphs import Replayed
from benchmark.engine.evaluation import score_globals, score_personal
from benchmark.engine.methods import Method, load_method
from benchmark.engine.models import Network
from benchmark.engine.replicas import all_groups, joined
from benchmark.engine.training import EVALUATION_BLOCK
from benchmark.model import Model
from benchmark.spec import Dnn, LeNet5, Mlr
from datasets.synthetic import synthetic

D, E, K = 200, 10, 3
"""The paper's batch size, local steps and inner steps."""
GRADIENTS = {"fedavg": 1, "pfedme": K, "pfml": 2 * K}
"""Gradients that a local step needs: K per model."""
HYPER: dict[str, dict[str, Any]] = {
    "fedavg": {"E": E},
    "pfedme": {"E": E, "K": K, "lam": 15.0},
    "pfml": {"E": E, "K": K, "lam": 15.0, "mutual": "agreement", "centre": "current"},
}


@dataclass(frozen=True)
class Unit:
    """One round of ``algorithm``; FedAvg trains half the clients, the others all of them.

    train_loss: does evaluation cover the training sets' losses too, as in Table 1's runs of MLR?
    """

    name: str
    algorithm: str
    model: Mlr | Dnn | LeNet5
    shape: tuple[int, ...]
    train_sizes: tuple[int, ...]
    test_sizes: tuple[int, ...]
    train_loss: bool

    @property
    def label(self) -> str:
        """Unit and method."""
        return f"{self.name} {self.algorithm}"

    @cached_property
    def method(self) -> Method:
        """The built-in method's file."""
        return load_method(self.algorithm)

    def federation(self, seeds: tuple[int, ...] = (0,), device: str = "cpu") -> Federation:
        """The training side."""
        network = Network(self.model.build(self.shape, 10))
        train = _blocks(self.train_sizes, self.shape, D, device)
        sampled = self.algorithm == "fedavg"
        sampling = Sampling(
            max(1, len(self.train_sizes) // 2),
            "sampled" if sampled else "all",
            "samples",
            "fixed_order",
        )
        return Federation(network, train, seeds, sampling)

    def test(self, device: str = "cpu") -> Blocks:
        """The clients' test sets."""
        return _blocks(self.test_sizes, self.shape, EVALUATION_BLOCK, device)

    def flops(self, evaluated: bool) -> float:
        """Floating-point operations that a round cannot do without.

        2 a multiply-add forward; backward twice that, but no input gradient for the first layer.
        """
        forward, first = forward_flops(self.model, self.shape)
        samples = float(sum(min(D, n) for n in self.train_sizes))
        if self.algorithm == "fedavg":
            samples /= 2
        total = E * GRADIENTS[self.algorithm] * samples * (3 * forward - first)
        if evaluated:
            seen = sum(self.test_sizes) + (sum(self.train_sizes) if self.train_loss else 0)
            total += seen * forward * (1 if self.algorithm == "fedavg" else 2)
        return total


class Engine:
    """Rounds of a unit by the stacked engine; on a GPU, ``recorded`` or launched one by one."""

    def __init__(
        self,
        unit: Unit,
        seeds: tuple[int, ...] = (0,),
        device: str = "cpu",
        recorded: bool = False,
    ) -> None:
        self.federation, self.unit = unit.federation(seeds, device), unit
        self.test = unit.test(device)
        self.hyper = unit.method.resolve(HYPER[unit.algorithm])
        method = unit.method
        if recorded:
            method = replace(method, train_round=Replayed(method.train_round))
        w = self.federation.network.row().repeat(len(seeds), 1).to(device)
        self.groups = all_groups(method, self.hyper, self.federation, w)
        self.round = 0

    def train(self) -> None:
        """One round."""
        for group in self.groups:
            group.train(self.round)
        self.round += 1

    def evaluate(self) -> None:
        """All scores of a round."""
        network, w = self.federation.network, joined([group.w for group in self.groups])
        table = joined([group.personal(self.round) for group in self.groups])
        sets = [(self.test, True)]
        if self.unit.train_loss:
            sets.append((self.federation.train, False))
        for blocks, accuracy in sets:
            if w is not None:
                score_globals(network, w, blocks, accuracy=accuracy)
            if table is not None:
                score_personal(network, table, blocks, accuracy=accuracy)


@lru_cache(maxsize=2)
def _blocks(sizes: tuple[int, ...], shape: tuple[int, ...], length: int, device: str) -> Blocks:
    x, y, ends = *samples(sizes, shape), np.cumsum(sizes)
    parts = [np.arange(end - n, end) for end, n in zip(ends, sizes, strict=True)]
    return Blocks.of(x.numpy(), y.numpy(), parts, min(length, max(sizes)), torch.device(device))


def samples(sizes: tuple[int, ...], shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Inputs and labels of all clients, one after another."""
    drawn = torch.Generator().manual_seed(sum(sizes))
    x = torch.randn(sum(sizes), *shape, generator=drawn)
    return x, torch.randint(0, 10, (sum(sizes),), generator=drawn)


def forward_flops(model: Model, shape: tuple[int, ...]) -> tuple[float, float]:
    """Of one sample: the whole forward pass of a chain of layers, and its first layer's product."""
    h, products = torch.zeros(1, *shape), []
    module = model.build(shape, 10)
    assert isinstance(module, nn.Sequential)
    for layer in module:
        h = layer(h)
        if isinstance(layer, nn.Conv2d | nn.Linear):
            products.append(2.0 * h.numel() * layer.weight[0].numel())
    return sum(products), products[0]


def _synthetic_sizes() -> tuple[tuple[int, ...], tuple[int, ...]]:
    clients = synthetic(0.5, 0.5).client
    assert clients is not None
    sizes = np.bincount(clients)
    train = (0.9 * sizes).astype(int)
    return tuple(map(int, train)), tuple(map(int, sizes - train))


def units() -> list[Unit]:
    """W1 to W5, smallest first."""
    synthetic_train, synthetic_test = _synthetic_sizes()
    mnist = (784,), (2625,) * 20, (875,) * 20
    cifar = (3, 32, 32), (2046,) * 20, (682,) * 20
    every = ("fedavg", "pfedme", "pfml")
    return [
        *(
            Unit("Synthetic/MLR", a, Mlr(name="mlr"), (60,), synthetic_train, synthetic_test, True)
            for a in every
        ),
        *(Unit("MNIST/MLR", a, Mlr(name="mlr"), *mnist, True) for a in every),
        *(Unit("MNIST/DNN", a, Dnn(name="dnn", hidden=100), *mnist, False) for a in every),
        Unit("CIFAR-10/LeNet-5", "pfml", LeNet5(name="lenet5"), *cifar, False),
    ]
