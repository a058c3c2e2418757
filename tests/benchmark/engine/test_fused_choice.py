"""Which convolutions have compiled kernels, and when torch computes them instead."""

import sys

import pytest
import torch
from torch import nn

from benchmark.engine.models import Network
from benchmark.errors import BenchmarkError

pytest.importorskip("numba")

from benchmark.engine.compiling import kept
from benchmark.engine.fused import Fused


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
    network = Network(layers())
    assert network.convolutions(torch.device("cpu")).startswith("numba ")
    assert network.convolutions(torch.device("cuda")) == "torch"


def test_kernels_need_no_place_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    def doubled(x: int) -> int:
        return 2 * x

    monkeypatch.setattr("numba.core.dispatcher.Dispatcher.enable_caching", refuse)
    assert kept(nogil=True)(doubled)(3) == 6


def test_without_numba_torch_computes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network(layers().double())
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "benchmark.engine.fused", None)  # its import fails
        plain = Network(network.module)
        patch.setenv("PFL_CONVOLUTIONS", "numba")
        with pytest.raises(BenchmarkError, match="PFL_CONVOLUTIONS: numba: "):
            Network(network.module)
    monkeypatch.setenv("PFL_CONVOLUTIONS", "torch")
    unwanted = Network(network.module)
    rows, x = network.row()[None], torch.randn(1, 7, 2, 8, 8, dtype=torch.float64)
    logits, backward = network.linearise(rows, x)
    slope = torch.randn_like(logits)
    for other in (plain, unwanted):
        assert other.convolutions(torch.device("cpu")) == "torch"
        theirs, back = other.linearise(rows, x)
        torch.testing.assert_close(theirs, logits, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(back(slope), backward(slope), rtol=1e-12, atol=1e-12)


def test_another_way_to_convolve_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PFL_CONVOLUTIONS", "fast")
    with pytest.raises(BenchmarkError, match="PFL_CONVOLUTIONS: fast, allowed: numba, torch"):
        Network(layers())
