"""Compiled kernels of convolution, pooling and ReLU, against torch's own modules."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmark.engine.deferred import Views
from benchmark.engine.models import Network
from benchmark.models.cnn import Cnn
from benchmark.spec import LeNet5

pytest.importorskip("numba")

from benchmark.engine import fused
from benchmark.engine.fused import AT_ONCE
from benchmark.engine.layouts import lanes
from benchmark.engine.stages import stages

LENET = LeNet5(name="lenet5")


def layers(*channels: int, kernels: tuple[int, ...]) -> list[nn.Module]:
    """Stages from channels to channels, ReLU now before and now after pooling."""
    chain: list[nn.Module] = []
    for k, kernel in enumerate(kernels):
        chain.append(nn.Conv2d(channels[k], channels[k + 1], kernel))
        chain += [nn.MaxPool2d(2), nn.ReLU()] if k % 2 else [nn.ReLU(), nn.MaxPool2d(2)]
    return chain


MODULES: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "lenet5 mnist": (LENET.build((1, 28, 28), 10), (1, 28, 28)),
    "lenet5 cifar": (LENET.build((3, 32, 32), 10), (3, 32, 32)),
    "cnn": (Cnn(name="cnn", padding="none").build((1, 28, 28), 10), (1, 28, 28)),
    "odd channels": (
        nn.Sequential(
            *layers(5, 7, 3, kernels=(3, 2)), nn.Flatten(), nn.Linear(3 * 3 * 2, 9), nn.ReLU(),
            nn.Linear(9, 4)
        ),
        (5, 17, 12),
    ),
    "one stage": (
        nn.Sequential(*layers(1, 1, kernels=(2,)), nn.Flatten(), nn.Linear(3 * 6, 2)),
        (1, 7, 14),
    ),
    "three stages": (
        nn.Sequential(
            *layers(2, 9, 17, 2, kernels=(1, 5, 3)), nn.Flatten(), nn.Linear(2 * 2 * 1, 3)
        ),
        (2, 33, 27),
    ),
}  # fmt: skip


def network_of(name: str) -> tuple[Network, tuple[int, ...]]:
    torch.manual_seed(0)
    module, shape = MODULES[name]
    network = Network(module.double())
    assert network.convolutions(torch.device("cpu")).startswith("numba ")
    return network, shape


def rows_of(network: Network, models: int = 2) -> Tensor:
    noise = torch.randn(models, network.parameters, dtype=torch.float64)
    return network.row() + 0.01 * noise


def by_torch(network: Network, rows: Tensor, x: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and gradients of each model by its module and autograd."""
    logits, grads = [], []
    for row, own, at_logits in zip(rows, x, slope, strict=True):
        named = {n: p[0].detach().requires_grad_() for n, p in network.unstack(row[None]).items()}
        logits.append(functional_call(network.module, named, (own,)))
        grad = torch.autograd.grad(logits[-1], list(named.values()), at_logits)
        grads.append(torch.cat([g.flatten() for g in grad]))
    return torch.stack(logits).detach(), torch.stack(grads)


def images(kind: str, *shape: int) -> Tensor:
    """Random images, or images with many ties in windows: three greys, flat areas, blanks."""
    x = torch.randn(shape, dtype=torch.float64)
    if kind == "ties":
        x = x.sign() * (x.abs() > 0.5)
        x[..., 4:, :] = x[..., 4:5, :1]
        x[:, ::3] = 0
    return x


@pytest.mark.parametrize("kind", ["random", "ties"])
@pytest.mark.parametrize("count", [1, 7, 46])
@pytest.mark.parametrize("name", MODULES)
def test_logits_and_gradients_are_torchs(name: str, count: int, kind: str) -> None:
    network, shape = network_of(name)
    rows, x = rows_of(network), images(kind, 2, count, *shape)
    logits, backward = network.linearise(rows, x)
    slope = torch.randn_like(logits)
    expected, gradient = by_torch(network, rows, x, slope)
    torch.testing.assert_close(logits, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(backward(slope), gradient, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(network.apply(rows, x), expected, rtol=1e-12, atol=1e-12)


def test_where_all_places_tie_the_first_one_wins() -> None:
    network, shape = network_of("one stage")
    rows = torch.zeros(1, network.parameters, dtype=torch.float64)
    rows[:, 4] = 1.0  # the bias alone: every window ties, and is open
    rows[:, 5:] = 1.0
    x = images("random", 1, 3, *shape)
    logits, backward = network.linearise(rows, x)
    slope = torch.randn_like(logits)
    expected, gradient = by_torch(network, rows, x, slope)
    torch.testing.assert_close(logits, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(backward(slope), gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["image", "first weight", "second stage", "bias"])
@pytest.mark.parametrize("name", ["lenet5 cifar", "odd channels"])
def test_what_is_not_finite_spreads_as_in_torch(name: str, where: str, value: float) -> None:
    network, shape = network_of(name)
    rows, x = rows_of(network), images("random", 2, 9, *shape)
    sizes = [size.numel() for size in network.shapes.values()]
    if where == "image":
        x[0, 4, 0, 3, 3] = value
    else:
        rows[
            0, {"first weight": 1, "bias": sizes[0], "second stage": sum(sizes[:2]) + 2}[where]
        ] = value
    logits, backward = network.linearise(rows, x)
    slope = torch.randn_like(logits)
    expected, gradient = by_torch(network, rows, x, slope)
    torch.testing.assert_close(logits, expected, rtol=1e-12, atol=1e-12, equal_nan=True)
    grads = backward(slope)
    # A dense product also spreads 0 · NaN, so torch loses more numbers of a lost model.
    finite = gradient.isfinite()
    torch.testing.assert_close(grads[finite], gradient[finite], rtol=1e-12, atol=1e-12)
    assert torch.equal(grads.isfinite().all(1), finite.all(1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_pass_has_the_same_bits_again_and_alone(dtype: torch.dtype) -> None:
    network, shape = network_of("lenet5 cifar")
    rows, x = rows_of(network, 3).to(dtype), images("random", 3, 21, *shape).to(dtype)
    slope = torch.randn(3, 21, 10, dtype=dtype)
    runs = [network.linearise(rows, x) for _ in range(2)]
    alone = [network.linearise(rows[i, None], [x[i]]) for i in range(3)]
    for logits, backward in runs:
        assert torch.equal(logits, torch.cat([one for one, _ in alone]))
        each = [back(slope[i, None]) for i, (_, back) in enumerate(alone)]
        assert torch.equal(backward(slope), torch.cat(each))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_the_bits_do_not_depend_on_how_many_filters_are_computed_at_once(size: int) -> None:
    network, shape = network_of("cnn")
    rows, x = rows_of(network, 1)[0].float(), images("random", 9, *shape).float()
    w, b = (p[0] for p in list(network.unstack(rows[None]).values())[:2])
    usual = stages(((32, 5),), *shape)[0]
    outputs = [
        fused._forward(stage, lanes(x), w, b) for stage in (usual, usual._replace(block=size))
    ]
    assert all(map(torch.equal, *outputs))


def test_float32_differs_by_its_rounding_alone() -> None:
    network, shape = network_of("lenet5 cifar")
    rows, x = rows_of(network), images("random", 2, 40, *shape)
    logits, backward = network.linearise(rows, x)
    slope = torch.randn_like(logits)
    rounded, back = network.linearise(rows.float(), x.float())
    gradient = backward(slope)
    torch.testing.assert_close(
        rounded.double(), logits, rtol=0, atol=1e-6 * float(logits.abs().max())
    )
    error = (back(slope.float()).double() - gradient).norm() / gradient.norm()
    assert rounded.dtype == torch.float32
    assert error < 1e-6


def test_many_images_are_evaluated_in_parts() -> None:
    network, shape = network_of("one stage")
    rows, x = rows_of(network, 1), images("random", 1, 2 * AT_ONCE + 3, *shape)
    each = torch.cat([network.apply(rows, part) for part in x.split(5, dim=1)], dim=1)
    torch.testing.assert_close(network.apply(rows, x), each, rtol=1e-12, atol=1e-12)


def test_every_batch_goes_with_its_owners_row() -> None:
    network, shape = network_of("one stage")
    rows, x = rows_of(network, 2), images("random", 3, 4, *shape)
    owner = torch.tensor([1, 0, 1])
    expected, _ = by_torch(network, rows[owner], x, torch.zeros(3, 4, 2, dtype=torch.float64))
    torch.testing.assert_close(network.apply(rows, x, owner), expected, rtol=1e-12, atol=1e-12)


def test_a_batchs_layouts_are_built_once_and_kept_as_long_as_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, shape = network_of("one stage")
    built = [0]

    def counted(x: Tensor) -> Tensor:
        built[0] += 1
        return lanes(x)

    monkeypatch.setattr("benchmark.engine.fused.lanes", counted)
    rows, batches = rows_of(network), [*images("random", 2, 3, *shape)]
    for _ in range(3):
        network.linearise(rows, batches)
    assert built == [2]
    assert network._fused is not None
    assert len(network._fused._images) == 2
    del batches
    assert len(network._fused._images) == 0


def test_padding_is_not_computed_and_its_slopes_are_not_read() -> None:
    network, shape = network_of("odd channels")
    rows, x, sizes = rows_of(network), images("random", 2, 9, *shape), [9, 4]
    x[1, 4:] = math.nan
    logits, backward = network.linearise(rows, Views([*x], sizes=sizes))
    slope = torch.randn_like(logits)
    alone = [network.linearise(rows[i, None], x[i, None, :n]) for i, n in enumerate(sizes)]
    for i, (n, (expected, back)) in enumerate(zip(sizes, alone, strict=True)):
        assert torch.equal(logits[i, :n], expected[0])
        assert torch.equal(backward(slope)[i], back(slope[i, None, :n])[0])
    assert not logits[1, 4:].any()
