"""Partitions by name, as an axis of a grid."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.spec import Cell, cells, load_experiment, load_protocol, profile_of
from benchmark.spec.partitions import named_partitions
from datasets import Arrays
from datasets.partitions import KINDS
from datasets.recipe import Recipe
from tests.benchmark.cases import complaint

AXIS = """
title = "Partitions"
protocols = ["as_run"]
[[grid]]
dataset = ["mnist"]
partition = ["iid", "dirichlet_0.1"]
model = ["mlr"]
algorithm = ["fedavg"]
active_clients = [2]
[[rules]]
[rules.set]
rounds = 4
partition = { clients = 10, validation_fraction = 0.2 }
[[rules]]
where.partition = ["iid"]
set.rounds = 6
[profiles.paper]
seeds = 1
[profiles.one]
seeds = 1
only.partition = ["iid"]
"""


def recipe(**words: Any) -> Recipe:
    return KINDS[words["kind"]].model_validate_json(json.dumps(words))


def expanded(folder: Path, text: str, profile: str = "paper") -> list[Cell]:
    path = folder / "axis.toml"
    path.write_text(text, encoding="utf-8")
    experiment = load_experiment(str(path))
    return cells(experiment, load_protocol("as_run"), profile_of(experiment, profile))


def test_a_named_partition_stands_against_the_kind_that_rules_set(tmp_path: Path) -> None:
    iid, skewed = expanded(tmp_path, AXIS)
    # as_run deals MNIST to 20 clients of two labels as given, three quarters of it for training.
    common: dict[str, Any] = {"clients": 10, "train_fraction": 0.75, "validation_fraction": 0.2}
    assert iid.partition == recipe(kind="iid", **common)
    assert skewed.partition == recipe(kind="dirichlet", alpha=0.1, **common)
    assert (iid.rounds, skewed.rounds) == (6, 4)
    assert iid.digest != skewed.digest


def test_a_rule_without_a_kind_changes_a_named_partition(tmp_path: Path) -> None:
    more = AXIS.replace("validation_fraction = 0.2 }", 'test = "common" }')
    more += '\n[[rules]]\nwhere.partition = ["dirichlet_0.1"]\nset.partition = { min_size = 3 }\n'
    (iid, skewed) = expanded(tmp_path, more.replace("[profiles", "#\n[profiles"))
    assert iid.partition.test == skewed.partition.test == "common"
    assert json.loads(skewed.model_dump_json())["partition"]["min_size"] == 3


def test_a_profile_may_cut_the_axis(tmp_path: Path) -> None:
    (only,) = expanded(tmp_path, AXIS, "one")
    assert only.partition.kind == "iid"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"dirichlet_0.1"]\nmodel', '"dirichlet"]\nmodel', "grid.0.partition: no 'dirichlet'"),
        ('where.partition = ["iid"]', 'where.partition = ["shards_2"]', "'shards_2' matches"),
    ],
)
def test_a_name_that_is_not_there_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in complaint(lambda: expanded(tmp_path, AXIS.replace(old, new)))


@pytest.mark.parametrize("name", named_partitions())
def test_every_named_partition_deals_ten_labels_to_ten_clients(name: str) -> None:
    words = {"clients": 10, "train_fraction": 0.75, **named_partitions()[name]}
    y = np.repeat(np.arange(10), 300)
    drawn = recipe(**words).draw(Arrays("test", np.empty(len(y)), y, 10), np.random.default_rng(1))
    assert drawn.clients == 10
