import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmark.engine import convolutions
from benchmark.engine.convolutions import Chain, windows
from benchmark.engine.models import Network
from benchmark.errors import BenchmarkError
from benchmark.spec import Dnn, LeNet5, Mlr

LENET = LeNet5(name="lenet5")


@pytest.mark.parametrize(
    ("spec", "shape", "parameters"),
    [
        (Mlr(name="mlr"), (60,), 610),
        (Mlr(name="mlr"), (1, 28, 28), 7_850),
        (Dnn(name="dnn", hidden=20), (60,), 1_430),
        (Dnn(name="dnn", hidden=100), (1, 28, 28), 79_510),
        (LENET, (1, 28, 28), 44_426),
        (LENET, (3, 32, 32), 62_006),
    ],
)
def test_the_papers_models_have_their_sizes(
    spec: Mlr | Dnn | LeNet5, shape: tuple[int, ...], parameters: int
) -> None:
    network = Network(spec.build(shape, classes=10))
    assert network.parameters == parameters
    assert network.apply(network.row()[None], torch.zeros(1, 2, *shape)).shape == (1, 2, 10)


def test_lenet_says_what_inputs_it_takes() -> None:
    with pytest.raises(BenchmarkError, match=r"lenet5: inputs have shape \(1, 8, 8\)"):
        LENET.build((1, 8, 8), classes=10)


def test_a_stacked_lenet_has_every_clients_own_gradient() -> None:
    torch.manual_seed(0)
    network = Network(LENET.build((1, 28, 28), classes=3).double())
    rows = network.row() + 0.01 * torch.randn(2, network.parameters, dtype=torch.float64)
    x = torch.randn(2, 3, 1, 28, 28, dtype=torch.float64)
    slope = torch.randn(2, 3, 3, dtype=torch.float64)
    _, backward = network.linearise(rows, x)
    alone = [network.linearise(rows[i, None], x[i, None])[1](slope[i, None])[0] for i in range(2)]
    torch.testing.assert_close(backward(slope), torch.stack(alone), rtol=0, atol=1e-12)


TWICE = nn.ReLU()


@pytest.mark.parametrize(
    "module",
    [
        LENET.build((1, 28, 28), classes=3),
        nn.Sequential(
            *(nn.Conv2d(1, 2, 9), TWICE, nn.Conv2d(2, 2, 17), TWICE),
            *(nn.Flatten(), nn.Linear(2 * 4 * 4, 3)),
        ),
        nn.Sequential(
            nn.Conv2d(1, 4, (3, 5), stride=(2, 3), bias=False),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(4, 2, 1),
            nn.Flatten(),
            nn.Linear(2 * 6 * 4, 3),
        ),
    ],
    ids=["lenet5", "one layer twice", "strides"],
)
def test_a_chain_of_layers_has_every_clients_own_gradient(module: nn.Module) -> None:
    torch.manual_seed(0)
    network = Network(module.double())
    rows = network.row() + 0.01 * torch.randn(2, network.parameters, dtype=torch.float64)
    one, other = torch.randn(2, 2, 3, 1, 28, 28, dtype=torch.float64)
    slope = torch.randn(2, 3, 3, dtype=torch.float64)
    assert Chain.takes(module)
    chain = Chain(module)
    for x in (one, other, one):  # the last time, the windows are there
        params = {name: p.requires_grad_() for name, p in network.unstack(rows).items()}
        logits = chain(params, x)
        grads = torch.autograd.grad(logits, list(params.values()), slope)
        expected, backward = network.linearise(rows, x)
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-12)
        flat = torch.cat([g.flatten(1) for g in grads], dim=1)
        torch.testing.assert_close(flat, backward(slope), rtol=0, atol=1e-12)


def test_windows_are_kept_as_long_as_their_batch() -> None:
    network = Network(LENET.build((1, 28, 28), classes=3))
    chain, x = Chain(network.module), torch.randn(1, 2, 1, 28, 28)
    params = network.unstack(network.row()[None])
    chain(params, x)
    assert len(chain._windows) == 1
    del x
    assert len(chain._windows) == 0


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(1, 2, 3, padding=1),
        nn.Conv2d(1, 2, 3, dilation=2),
        nn.Conv2d(2, 2, 3, groups=2),
        nn.GroupNorm(1, 2),
        nn.Dropout(),
    ],
)
def test_a_chain_refuses_layers_that_it_does_not_know(layer: nn.Module) -> None:
    assert not Chain.takes(nn.Sequential(nn.Conv2d(1, 1, 1), layer))
    assert not Chain.takes(layer)


def test_a_chain_takes_linear_layers_of_flattened_images_only() -> None:
    convolution, linear = nn.Conv2d(1, 1, 1), nn.Linear(3, 3)
    assert Chain.takes(nn.Sequential(convolution, nn.Flatten(), linear))
    assert not Chain.takes(nn.Sequential())
    assert not Chain.takes(nn.Sequential(convolution, linear))
    assert not Chain.takes(nn.Sequential(convolution, linear, nn.Flatten()))


def test_a_gpu_evaluates_a_bounded_number_of_images_at_once() -> None:
    network = Network(LENET.build((1, 28, 28), classes=3))
    seen: list[tuple[int, ...]] = []

    def windows_seen(h: torch.Tensor, layer: nn.Conv2d) -> torch.Tensor:
        seen.append(tuple(h.shape))
        return windows(h, layer)

    with FakeTensorMode(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolutions, "windows", windows_seen)
        rows = torch.empty(130, network.parameters, device="cuda")
        assert network.apply(rows, torch.empty(130, 2, 1, 28, 28, device="cuda")).shape[0] == 130
        assert [shape[0] for shape in seen if shape[2] == 1] == [64, 64, 2]
        seen.clear()
        logits, _ = network.linearise(rows, torch.empty(130, 2, 1, 28, 28, device="cuda"))
        assert logits.device.type == "cuda"
        assert [shape[0] for shape in seen if shape[2] == 1] == [130]  # a round's batch: all
