"""Every model: its size, its head, gradients of its own for every client; and adding one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmark.engine.models import Network
from benchmark.errors import BenchmarkError
from benchmark.model import Model
from benchmark.models import MODELS
from benchmark.models.cnn import Cnn
from benchmark.models.dnn import Dnn
from benchmark.models.lenet5 import LeNet5
from benchmark.models.mlr import Mlr
from benchmark.models.resnet import ResNet

ROOT = Path(__file__).resolve().parents[3]
SMALLEST = [
    (Mlr(name="mlr"), (1, 2, 2)),
    (Dnn(name="dnn", hidden=3), (1, 2, 2)),
    (LeNet5(name="lenet5"), (1, 28, 28)),
    (Cnn(name="cnn"), (2, 4, 5)),
    (Cnn(name="cnn", padding="none"), (1, 16, 17)),
    (ResNet(name="resnet", blocks=2, width=8), (2, 8, 9)),
]
every = pytest.mark.parametrize(("model", "shape"), SMALLEST, ids=lambda v: str(v))


def test_every_model_is_checked_below() -> None:
    assert {model.name for model, _ in SMALLEST} == MODELS.keys() - {"own"}  # see test_outside.py


@pytest.mark.parametrize(
    ("model", "shape", "classes", "parameters"),
    [
        (Cnn(name="cnn"), (1, 28, 28), 10, 1_663_370),  # printed by McMahan et al.
        (Cnn(name="cnn", padding="none"), (1, 28, 28), 10, 582_026),
        (Cnn(name="cnn", padding="none"), (3, 32, 32), 100, 924_708),
        (
            Cnn(name="cnn", padding="none", channels=(64, 64), hidden=(120, 64)),
            (3, 32, 32),
            10,
            (75 * 64 + 64) + (1600 * 64 + 64) + (1600 * 120 + 120) + (120 * 64 + 64) + 650,
        ),
        # ResNet-8: a stem, three blocks, two of which change the size, and the head.
        (
            ResNet(name="resnet"),
            (3, 32, 32),
            10,
            (27 * 16 + 32)
            + (2 * 144 * 16 + 64)
            + (144 * 32 + 288 * 32 + 16 * 32 + 3 * 64)
            + (288 * 64 + 576 * 64 + 32 * 64 + 3 * 128)
            + 650,
        ),
    ],
)
def test_models_have_the_sizes_that_are_known(
    model: Model, shape: tuple[int, ...], classes: int, parameters: int
) -> None:
    assert Network(model.build(shape, classes)).parameters == parameters


@every
def test_the_head_is_the_last_linear_layer(model: Model, shape: tuple[int, ...]) -> None:
    module = model.build(shape, 7)
    last = [layer for layer in module.modules() if isinstance(layer, nn.Linear)][-1]
    weight, bias = list(module.parameters())[-2:]
    assert weight is last.weight
    assert bias is last.bias
    assert len(bias) == 7


@every
def test_every_client_has_gradients_of_its_own(model: Model, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module = model.build(shape, 3).double()
    network = Network(module)
    rows = network.row() + 0.01 * torch.randn(2, network.parameters, dtype=torch.float64)
    x = torch.randn(2, 3, *shape, dtype=torch.float64)
    slope = torch.randn(2, 3, 3, dtype=torch.float64)
    logits, backward = network.linearise(rows, x)
    for i, expected in enumerate(backward(slope)):
        nn.utils.vector_to_parameters(rows[i], module.parameters())
        out = module(x[i])
        torch.testing.assert_close(logits[i], out)
        grads = torch.autograd.grad(out, list(module.parameters()), slope[i])
        torch.testing.assert_close(expected, torch.cat([g.flatten() for g in grads]))


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (Cnn(name="cnn"), (1, 3, 28)),
        (Cnn(name="cnn", padding="none"), (1, 15, 28)),
        (Cnn(name="cnn"), (60,)),
        (ResNet(name="resnet"), (1, 7, 7)),
        (ResNet(name="resnet"), (60,)),
    ],
)
def test_images_too_small_are_refused_by_name(model: Model, shape: tuple[int, ...]) -> None:
    with pytest.raises(BenchmarkError, match=rf"^{model.name}.*inputs have shape .*allowed: "):
        model.build(shape, 10)


MINE = '''"""A linear layer without a bias of its own."""
from typing import ClassVar, Literal
from benchmark.model import Model

class Mine(Model):
    """Nothing else."""
    label: ClassVar[str] = "Mine"
    name: Literal["mine"]
    scale: float = 1.0

    def build(self, shape, classes):
        """Build it."""
        from torch import nn
        return nn.Sequential(nn.Flatten(), nn.Linear(4, classes))
'''
HALVES = '''"""Two clients, one half each."""
from typing import Literal
import numpy as np
from datasets.recipe import Recipe

class Halves(Recipe):
    """First half, second half."""
    kind: Literal["halves"]

    @property
    def words(self):
        """Halves."""
        return "halves"

    def deal(self, arrays, rng):
        """Deal."""
        return list(np.array_split(np.arange(len(arrays.y)), 2))
'''
USED = """
import numpy as np
from benchmark.spec import Cell
from benchmark.spec.validation import parse
from datasets import Arrays
from reports.names import MODELS
from tests.benchmark.cases import plain
changes = {"model": {"name": "mine", "scale": 2.0}, "active_clients": 1}
changes["partition"] = {"kind": "halves", "clients": 2, "train_fraction": 0.5}
cell = parse(Cell, plain() | changes, "test")
drawn = cell.partition.draw(Arrays("x", np.empty(8), np.zeros(8, int), 1), np.random.default_rng(0))
assert sum(map(len, drawn.train)) == 4
assert len(list(cell.model.build((1, 2, 2), 3).parameters())) == 2
assert cell.partition.label == "2 clients, halves"
assert MODELS["mine"] == "Mine"
"""


def test_a_model_and_a_partition_are_one_file_each(tmp_path: Path) -> None:
    for folder in ("benchmark", "datasets", "reports", "tests"):
        shutil.copytree(
            ROOT / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns("rendered", "__pycache__"),
        )
    (tmp_path / "benchmark" / "models" / "mine.py").write_text(MINE, "utf-8")
    (tmp_path / "datasets" / "partitions" / "halves.py").write_text(HALVES, "utf-8")
    command = [sys.executable, "-c", USED]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
