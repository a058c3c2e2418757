"""Compiled kernels of convolution, pooling and ReLU, against torch's own modules."""

import math
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from benchmark.engine.models import Network
from benchmark.errors import BenchmarkError
from benchmark.models.cnn import Cnn
from benchmark.spec import LeNet5

pytest.importorskip("numba")

from benchmark.engine import layouts
from benchmark.engine.fused import AT_ONCE, Fused

LENET = LeNet5(name="lenet5")


def stages(*channels: int, kernels: tuple[int, ...]) -> list[nn.Module]:
    """Stages from channels to channels, ReLU now before and now after pooling."""
    layers: list[nn.Module] = []
    for k, kernel in enumerate(kernels):
        layers.append(nn.Conv2d(channels[k], channels[k + 1], kernel))
        layers += [nn.MaxPool2d(2), nn.ReLU()] if k % 2 else [nn.ReLU(), nn.MaxPool2d(2)]
    return layers


MODULES: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "lenet5 mnist": (LENET.build((1, 28, 28), 10), (1, 28, 28)),
    "lenet5 cifar": (LENET.build((3, 32, 32), 10), (3, 32, 32)),
    "cnn": (Cnn(name="cnn", padding="none").build((1, 28, 28), 10), (1, 28, 28)),
    "odd channels": (
        nn.Sequential(
            *stages(5, 7, 3, kernels=(3, 2)), nn.Flatten(), nn.Linear(3 * 3 * 2, 9), nn.ReLU(),
            nn.Linear(9, 4)
        ),
        (5, 17, 12),
    ),
    "one stage": (
        nn.Sequential(*stages(1, 1, kernels=(2,)), nn.Flatten(), nn.Linear(3 * 6, 2)),
        (1, 7, 14),
    ),
    "three stages": (
        nn.Sequential(
            *stages(2, 9, 17, 2, kernels=(1, 5, 3)), nn.Flatten(), nn.Linear(2 * 2 * 1, 3)
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
    """Random images, or such that many places of a window tie: three greys, flat areas, blanks."""
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
    built, to_lanes = [0], layouts.to_lanes

    def counted(*args: Any) -> None:
        built[0] += 1
        to_lanes(*args)

    monkeypatch.setattr(layouts, "to_lanes", counted)
    rows, batches = rows_of(network), [*images("random", 2, 3, *shape)]
    for _ in range(3):
        network.linearise(rows, batches)
    assert built == [2]
    assert network._fused is not None
    assert len(network._fused._images) == 2
    del batches
    assert len(network._fused._images) == 0


def layers(**changes: nn.Module) -> nn.Sequential:
    usual = {
        "convolution": nn.Conv2d(2, 3, 3),
        "pool": nn.MaxPool2d(2),
        "relu": nn.ReLU(),
        "flatten": nn.Flatten(),
        "linear": nn.Linear(3 * 3 * 3, 4),
    }
    return nn.Sequential(*(usual | changes).values())


@pytest.mark.parametrize(
    "changes",
    [
        {"convolution": nn.Conv2d(2, 3, 3, bias=False)},
        {"convolution": nn.Conv2d(2, 3, (3, 2))},
        {"convolution": nn.Conv2d(2, 3, 2, stride=(1, 2))},
        {"relu": nn.Tanh()},
        {"pool": nn.AvgPool2d(2)},
        {"pool": nn.MaxPool2d(3)},
        {"pool": nn.MaxPool2d(2, stride=1)},
        {"pool": nn.MaxPool2d(2, padding=1)},
        {"pool": nn.MaxPool2d(2, dilation=2)},
        {"pool": nn.MaxPool2d(2, ceil_mode=True)},
        {"linear": nn.Linear(3 * 3 * 3, 4, bias=False)},
        {"last": nn.ReLU()},
        {"last": nn.Linear(4, 4)},
    ],
    ids=lambda changes: repr(next(iter(changes.values()))),
)
def test_what_has_no_kernel_is_left_to_torch(changes: dict[str, nn.Module]) -> None:
    assert Fused.takes(layers())
    network = Network(layers(**changes))
    assert network.convolutions(torch.device("cpu")) == "torch"


def test_padding_dilation_groups_and_other_chains_are_left_to_torch() -> None:
    for convolution in (
        nn.Conv2d(2, 3, 3, padding=1),
        nn.Conv2d(2, 3, 3, dilation=2),
        nn.Conv2d(2, 4, 3, groups=2),
        nn.Conv2d(2, 3, 3, padding="same"),
    ):
        assert not Fused.takes(layers(convolution=convolution))
    assert not Fused.takes(nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU()))
    assert not Fused.takes(nn.Sequential(nn.Flatten(), nn.Linear(3, 3)))
    assert not Fused.takes(nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(), nn.Flatten()))


def test_numbers_without_kernels_and_images_too_small_are_left_to_torch() -> None:
    network = Network(layers())
    x = torch.randn(1, 2, 2, 8, 8)
    with torch.no_grad():
        rounded = network.apply(network.row()[None].bfloat16(), x.bfloat16())
    assert rounded.dtype == torch.bfloat16
    with pytest.raises(RuntimeError, match="too small"):
        network.apply(network.row()[None], x[..., :3, :3])


def test_a_gpu_has_torchs_convolutions() -> None:
    network, _ = network_of("lenet5 cifar")
    assert network.convolutions(torch.device("cuda")) == "torch"


def test_without_numba_torch_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network, shape = network_of("odd channels")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "benchmark.engine.fused", None)  # its import fails
        plain = Network(network.module)
        patch.setenv("PFL_CONVOLUTIONS", "numba")
        with pytest.raises(BenchmarkError, match="PFL_CONVOLUTIONS: numba: "):
            Network(network.module)
    monkeypatch.setenv("PFL_CONVOLUTIONS", "torch")
    unwanted = Network(network.module)
    rows, x = rows_of(network), images("random", 2, 7, *shape)
    logits, backward = network.linearise(rows, x)
    slope = torch.randn_like(logits)
    for other in (plain, unwanted):
        assert other.convolutions(torch.device("cpu")) == "torch"
        theirs, back = other.linearise(rows, x)
        torch.testing.assert_close(theirs, logits, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(back(slope), backward(slope), rtol=1e-12, atol=1e-12)


def test_another_way_to_convolve_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module, _ = MODULES["one stage"]
    monkeypatch.setenv("PFL_CONVOLUTIONS", "fast")
    with pytest.raises(BenchmarkError, match="PFL_CONVOLUTIONS: fast, allowed: numba, torch"):
        Network(module)
