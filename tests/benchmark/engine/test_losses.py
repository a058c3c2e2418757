"""Losses, and their gradients through stacked networks."""

import copy
from collections.abc import Callable
from types import ModuleType

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import benchmark.engine.losses
from benchmark.algorithm import Batch, Loss, cross_entropy, disagreement, kl_divergence
from benchmark.engine.models import Network
from benchmark.errors import BenchmarkError
from tests.algorithms.federations import MODULES, N, federation, initial
from tests.algorithms.loss_checks import (
    LOSSES,
    check_batch_norm_is_refused,
    check_gradients_are_autograds,
    check_peer_is_a_constant,
    check_slope,
    plain_backward,
)

BASIC = {"ce": cross_entropy, "kl": kl_divergence, "disagreement": disagreement}


@pytest.mark.parametrize("check", LOSSES)
def test_losses(check: Callable[[ModuleType], None]) -> None:
    check(benchmark.engine.losses)


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    seed=st.integers(0, 2**31),
    terms=st.lists(
        st.tuples(st.sampled_from(sorted(BASIC)), st.floats(0, 3)), min_size=1, max_size=3
    ),
)
def test_slopes_of_weighted_sums_are_autograds(seed: int, terms: list[tuple[str, float]]) -> None:
    loss: Loss | None = None
    for name, weight in terms:
        loss = weight * BASIC[name] if loss is None else loss + weight * BASIC[name]
    assert loss is not None
    check_slope(loss, seed)


@pytest.mark.parametrize("name", BASIC)
def test_slopes_keep_the_layout_of_logits(name: str) -> None:
    """The layout is class by class; sums of two layouts are several times as slow."""
    probs, peer = (torch.rand(2, 3, 4).softmax(1).mT for _ in range(2))
    slope = BASIC[name].slope(probs, torch.zeros(2, 4, dtype=torch.int64), peer)
    assert slope.shape == (2, 4, 3)
    assert slope.mT.is_contiguous()


def test_no_gradient_flows_into_the_peer() -> None:
    check_peer_is_a_constant()


def test_stacked_gradients_are_autograds() -> None:
    check_gradients_are_autograds()


@pytest.mark.parametrize("model", MODULES)
def test_a_loss_written_as_a_function_gives_the_same_gradient(model: str) -> None:
    of = federation(model)
    rows = initial(of).repeat(N, 1) + 0.1 * torch.arange(N)[:, None]
    for batch in of.cohort(0).batches(2):
        forward = of.cohort(0).forward(rows, batch)
        peer = forward.probs.flip(0)

        def kl(logits: Tensor, own: Batch, given: Tensor) -> Tensor:
            each = (given * (given.log() - logits.log_softmax(-1))).sum(-1) * own.mask
            return each.sum(1) / own.mask.sum(1)

        torch.testing.assert_close(
            forward.grad(kl, peer), forward.grad(kl_divergence, peer), rtol=0, atol=1e-12
        )


def test_a_gradient_of_cross_entropy_needs_no_loss_named() -> None:
    of = federation()
    (batch,) = of.cohort(0).batches(1)
    rows = initial(of).repeat(N, 1)
    named = of.cohort(0).forward(rows, batch).grad(cross_entropy)
    assert torch.equal(of.cohort(0).grad(rows, batch), named)


def test_batch_norm_is_refused_and_group_norm_named() -> None:
    check_batch_norm_is_refused()


class Doubled(nn.Sequential):
    """A sequence of layers with a forward pass of its own."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = 2 * self[1](self[0](x))
        return out


class Tempered(nn.Module):
    """A linear layer and a temperature, which is a parameter without axes."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.heat = nn.Linear(3, 2), nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(x) * self.heat
        return out


ANYONES = [
    pytest.param(lambda: Doubled(nn.Flatten(), nn.Linear(3, 2)), id="own forward"),
    pytest.param(Tempered, id="parameter without axes"),
    pytest.param(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(3, 1500), nn.ReLU(), nn.Linear(1500, 2)),
        id="wide",
    ),
    pytest.param(lambda: nn.Sequential(nn.Linear(3, 4), nn.GroupNorm(2, 4)), id="group norm"),
    pytest.param(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2, False)),
        id="no bias",
    ),
]


def test_layers_that_share_parameters_are_refused() -> None:
    layer = nn.Linear(3, 3)
    with pytest.raises(BenchmarkError, match="share parameters"):
        Network(nn.Sequential(nn.Flatten(), layer, layer))


@pytest.mark.parametrize("make", ANYONES)
def test_anyones_module_runs_stacked_as_it_runs_alone(make: Callable[[], nn.Module]) -> None:
    network = Network(make().double())
    alone = copy.deepcopy(network.module)
    rows = torch.stack([network.row(), network.row() + 0.1])
    x = torch.linspace(-1, 1, 24, dtype=torch.float64).reshape(2, 4, 3)
    logits, backward = network.linearise(rows, x)
    grads = backward(torch.ones_like(logits))
    torch.testing.assert_close(network.apply(rows, x), logits)
    for i, row in enumerate(rows):
        out, grad = plain_backward(alone, row, x[i], torch.ones_like(logits[i]))
        torch.testing.assert_close(logits[i], out)
        torch.testing.assert_close(grads[i], grad)


@pytest.mark.parametrize("make", ANYONES)
def test_a_module_keeps_its_own_parameters(make: Callable[[], nn.Module]) -> None:
    network = Network(make().double())
    row, x = network.row(), torch.ones(1, 4, 3, dtype=torch.float64)
    network.apply(1 + row[None], x)
    network.linearise(1 + row[None], x)
    assert torch.equal(network.row(), row)
