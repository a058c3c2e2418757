"""Users' data, models and partitions, in a folder outside the checkout."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmark.errors import BenchmarkError
from benchmark.jobs.data import Source, material
from benchmark.jobs.request import Request, experiments_of
from benchmark.models.own import Own
from benchmark.spec import Cell, cells, load_experiment, load_protocol, profile_of
from datasets import DataError
from tests.benchmark.cases import complaint, job, trained

EXPERIMENT = """
title = "Mine"
protocols = ["fair"]
[[grid]]
dataset = ["mine"]
model = ["net"]
algorithm = ["fedavg"]
active_clients = [2]
[[rules]]
[rules.set]
rounds = 2
data = { path = "mine.npz", scaling = "per_feature" }
partition = { kind = "iid", clients = 3, train_fraction = 0.5, validation_fraction = 0.2 }
model = { path = "net.py" }
[profiles.paper]
seeds = 1
"""
IID = 'kind = "iid", clients = 3, train_fraction = 0.5, validation_fraction = 0.2'
NET = """
from torch import nn

def build(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0], 5), nn.GroupNorm(1, 5), nn.ReLU(),
                         nn.Linear(5, classes))
"""
LISTS = {"train": [[0, 1, 2], [3, 4]], "test": [[5], [6]]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "mine.npz", x=rng.normal(size=(60, 4)), y=np.arange(60) % 3)
    (tmp_path / "net.py").write_text(NET, "utf-8")
    (tmp_path / "lists.json").write_text(json.dumps(LISTS), "utf-8")
    (tmp_path / "mine.toml").write_text(EXPERIMENT, "utf-8")
    return tmp_path


def only(folder: Path, old: str = "", new: str = "") -> Cell:
    path = folder / "mine.toml"
    assert old in EXPERIMENT
    path.write_text(EXPERIMENT.replace(old, new), "utf-8")
    experiment = load_experiment(str(path))
    (cell,) = cells(experiment, load_protocol("fair"), profile_of(experiment, "paper"))
    return cell


def test_own_data_and_an_own_model_make_a_run(folder: Path) -> None:
    cell = only(folder)
    assert cell.key.startswith("mine-net-fedavg-")
    store = trained(folder / "store", job(cell))
    run = store.find(cell, 0)
    assert run is not None
    assert run.parameters == 4 * 5 + 5 + 10 + 5 * 3 + 3
    assert run.cell.data.path == str(folder / "mine.npz")
    assert Cell.model_validate_json(run.cell.model_dump_json()).digest == cell.digest


def test_what_files_hold_makes_the_cell_and_where_they_lie_does_not(folder: Path) -> None:
    cell = only(folder)
    other = folder / "other"
    other.mkdir()
    for name in ("mine.npz", "net.py"):
        (folder / name).rename(other / name)
    moved = only(other)
    assert moved.digest == cell.digest
    assert moved.data.path != cell.data.path
    (other / "net.py").write_text(NET.replace("5", "6"), "utf-8")
    edited = only(other)
    np.savez(other / "mine.npz", x=np.eye(60, 4), y=np.arange(60) % 3)
    assert len({cell.digest, edited.digest, only(other).digest}) == 3


def test_files_edited_after_planning_are_refused(folder: Path) -> None:
    cell = only(folder, IID, 'kind = "from_file", path = "lists.json"')
    assert material(cell, 0, Source()).partition.clients == 2
    (folder / "lists.json").write_text(json.dumps(LISTS | {"test": [[5], [7]]}), "utf-8")
    with pytest.raises(DataError, match=r"lists.json: edited since"):
        material(cell, 0, Source())
    (folder / "lists.json").write_text(json.dumps(LISTS), "utf-8")
    (folder / "net.py").write_text(f"# {NET}", "utf-8")
    with pytest.raises(BenchmarkError, match=r"net.py: edited since"):
        cell.model.build((4,), 3)


def test_a_data_set_edited_after_planning_is_refused(folder: Path) -> None:
    cell = only(folder)
    np.savez(folder / "mine.npz", x=np.eye(60, 4), y=np.arange(60) % 3)
    with pytest.raises(DataError, match=r"mine.npz: edited since"):
        material(cell, 0, Source())


def test_a_partition_in_a_file_is_the_one_that_is_trained_on(folder: Path) -> None:
    cell = only(folder, IID, 'kind = "from_file", path = "lists.json"')
    made = material(cell, 5, Source()).partition
    assert [part.tolist() for part in made.train] == LISTS["train"]
    assert cell.partition.is_fixed
    assert cell.partition.label == "2 clients, lists.json"
    made.save(folder / "lists.npz")
    packed = only(folder, IID, 'kind = "from_file", path = "lists.npz"')
    assert packed.digest == cell.digest


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('path = "mine.npz"', 'path = "none.npz"', "none.npz: cannot be read"),
        ('path = "net.py"', 'path = "none.py"', "none.py: cannot be read"),
        (IID, 'kind = "from_file", path = "no.npz"', "no.npz is missing"),
        (IID, 'kind = "from_file", path = "mine.npz"', "no partition"),
        ('scaling = "per_feature"', 'scaling = "zscore"', "data.scaling"),
        ('path = "mine.npz", ', 'label = "y", ', "go with a path"),
    ],
)
def test_what_cannot_be_had_is_one_line(folder: Path, old: str, new: str, said: str) -> None:
    assert said in complaint(lambda: only(folder, old, new))


def own(path: Path, text: str) -> Own:
    path.write_text(text, "utf-8")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Own(name="own", path=str(path), file="net", sha256=sha256)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def build(:", "SyntaxError"),
        ("import nothing_there", "ModuleNotFoundError"),
        ("x = 1", r"no function build\(shape, classes\)"),
        ("build = lambda shape, classes: 3", "build returns int, no module"),
        ("build = lambda shape, classes: 1 / 0", "ZeroDivisionError"),
        (NET.replace("shape[0], 5", "3, 5"), "forward: RuntimeError"),
        (NET.replace("5, classes", "5, 9"), r"maps \(2, 4\) to \(2, 9\), allowed: \(2, 3\)"),
    ],
)
def test_a_file_that_is_no_model_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BenchmarkError, match=said) as caught:
        own(tmp_path / "net.py", text).build((4,), 3)
    assert "\n" not in str(caught.value)


def test_building_leaves_random_numbers_to_the_modules_weights(tmp_path: Path) -> None:
    model = own(tmp_path / "net.py", NET)
    torch.manual_seed(1)
    first = [p.detach().clone() for p in model.build((4,), 3).parameters()]
    torch.manual_seed(1)
    assert all(map(torch.equal, first, model.build((4,), 3).parameters()))


def chosen(folder: Path, *models: str) -> list[str]:
    request: dict[str, Any] = {"experiments": experiments_of(["digits"], models=models)}
    found = Request(**request, profile="smoke", models=models).wanted()
    return sorted({cell.model.called for cell, _ in found})


def test_a_model_given_by_path_stands_beside_or_in_place_of_the_experiments(folder: Path) -> None:
    assert chosen(folder, str(folder / "net.py")) == ["net"]
    assert chosen(folder, str(folder / "net.py"), "mlr") == ["mlr", "net"]
    (folder / "mlr.py").write_text(NET, "utf-8")
    assert "built-in model" in complaint(lambda: chosen(folder, str(folder / "mlr.py")))
