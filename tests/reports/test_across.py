"""All methods across partitions: who ranks where, and what the page says first."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmark.spec import Cell
from reports import load_all, render
from reports.across import HEADINGS, is_across, lines, standings, table
from tests.reports.conftest import loaded

Fill = Callable[..., Path]
PARTITIONS = """
title = "Two partitions"
protocols = ["as_run"]
[[grid]]
dataset = ["digits"]
partition = ["dirichlet_0.5", "iid"]
model = ["mlr"]
algorithm = ["fedavg", "pfml", "local"]
active_clients = [5]
[[rules]]
[rules.set]
rounds = 12
partition = { clients = 10, train_fraction = 0.75 }
[profiles.paper]
seeds = 3
"""
PERSONAL = {"pfml": 0.90, "local": 0.85, "fedavg": 0.80}


def made(cell: Cell, scores: str) -> float | None:
    return PERSONAL[cell.algorithm] if scores == "personal" else 0.1


def clients(cell: Cell, seed: int) -> pd.DataFrame:
    accuracy = [PERSONAL[cell.algorithm] - 0.1, 1.0]
    return pd.DataFrame({"train_size": [3, 3], "test_size": [1, 1], "personal_accuracy": accuracy})


@pytest.fixture
def experiment(tmp_path: Path) -> str:
    path = tmp_path / "across.toml"
    path.write_text(PARTITIONS, encoding="utf-8")
    return str(path)


def test_methods_are_ranked_by_their_personal_models(experiment: str, fill: Fill) -> None:
    store = fill(experiment, methods=PERSONAL, made=made, seeds=range(3), clients=clients)
    results = loaded(experiment, store)
    assert is_across(results)
    found = table(results)
    assert [values.shape for values in found.values.values()] == [(3, 2)] * 3
    every = standings(found)
    assert [(one.algorithm, one.rank) for one in every] == [
        ("pfml", 1),
        ("local", 2),
        ("fedavg", 3),
    ]
    best, alone, tuned = (dict(zip(HEADINGS, line, strict=True)) for line in lines(every))
    assert best["IQM of the gain over alone (pp)"].startswith("+5.00 [")
    assert (best["settings above alone"], best["below"]) == ("2", "0")
    assert best["practically, against alone"] == "better"
    assert best["P(above fine-tuned FedAvg)"] == "1.00 [1.00, 1.00]"
    assert alone["practically, against alone"] == "–"
    assert (tuned["P(above alone)"], tuned["below"]) == ("0.00 [0.00, 0.00]", "2")


def test_a_method_that_lacks_a_setting_is_left_out(experiment: str, fill: Fill) -> None:
    store = fill(experiment, methods=["pfml", "local"], made=made, seeds=range(3))
    part = PARTITIONS.replace('["dirichlet_0.5", "iid"]', '["iid"]')
    Path(experiment).with_name("part.toml").write_text(part, encoding="utf-8")
    fill(str(Path(experiment).with_name("part.toml")), methods=["fedavg"], made=made)
    assert {key[0] for key in table(loaded(experiment, store)).values} == {"pfml", "local"}


def test_the_page_opens_with_the_finding(experiment: str, fill: Fill, tmp_path: Path) -> None:
    store = fill(experiment, methods=PERSONAL, made=made, seeds=range(3), clients=clients)
    written = render(load_all([experiment], store, "paper"), tmp_path / "out")
    assert "across-as_run-clients.png" in {path.name for path in written}
    page = (tmp_path / "out" / "across.md").read_text("utf-8")
    first = next(line for line in page.splitlines() if line.startswith("**"))
    assert first.startswith(
        "**Over 2 settings and 3 seeds PFML (PM) has the best mean rank, 1.0 of 3"
    )
    assert "practically worse than training alone: FedAvg (PM)." in first
