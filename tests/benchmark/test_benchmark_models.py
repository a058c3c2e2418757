import pytest
import torch

from benchmark.errors import BenchmarkError
from benchmark.models import Network, build
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
    network = Network(build(spec, shape, classes=10))
    assert network.parameters == parameters
    assert network.apply(network.row()[None], torch.zeros(1, 2, *shape)).shape == (1, 2, 10)


def test_lenet_says_what_inputs_it_takes() -> None:
    with pytest.raises(BenchmarkError, match=r"lenet5: inputs have shape \(1, 8, 8\)"):
        build(LENET, (1, 8, 8), classes=10)


def test_a_stacked_lenet_has_every_clients_own_gradient() -> None:
    torch.manual_seed(0)
    network = Network(build(LENET, (1, 28, 28), classes=3).double())
    rows = network.row() + 0.01 * torch.randn(2, network.parameters, dtype=torch.float64)
    x = torch.randn(2, 3, 1, 28, 28, dtype=torch.float64)
    slope = torch.randn(2, 3, 3, dtype=torch.float64)
    _, backward = network.linearise(rows, x)
    alone = [network.linearise(rows[i, None], x[i, None])[1](slope[i, None])[0] for i in range(2)]
    torch.testing.assert_close(backward(slope), torch.stack(alone), rtol=0, atol=1e-12)
