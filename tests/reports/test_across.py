"""All methods across partitions: who ranks where, and what the page says first."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmark.spec import Cell
from reports import load_all, render
from reports.across import is_across, standings, table
from reports.ranking import CHANCES, HEADINGS, chances, findings, lines
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
    best, alone, tuned = (dict(zip(HEADINGS, line, strict=True)) for line in lines(found, every))
    assert best["gain over alone (pp)"].startswith("+5.00 [")
    assert (best["above alone on"], best["below alone on"]) == ("2 of 2", "0 of 2")
    assert best["practically, against alone"] == "better"
    assert alone["practically, against alone"] == "–"
    assert tuned["below alone on"] == "2 of 2"
    # FedAvg's clients train in other rounds than alone under this protocol: they make no pairs.
    assert (best["clients worse off"], tuned["clients worse off"]) == ("0 %", "–")
    sure = [dict(zip(CHANCES, line, strict=True)) for line in chances(every)]
    assert sure[0]["P(above fine-tuned FedAvg)"] == "1.00 [1.00, 1.00]"
    assert (sure[0]["worse"], sure[0]["better"]) == ("0.00", "1.00")
    assert sure[2]["P(above alone)"] == "0.00 [0.00, 0.00]"


def test_a_method_that_lacks_a_setting_is_left_out(experiment: str, fill: Fill) -> None:
    store = fill(experiment, methods=["pfml", "local"], made=made, seeds=range(3))
    part = PARTITIONS.replace('["dirichlet_0.5", "iid"]', '["iid"]')
    Path(experiment).with_name("part.toml").write_text(part, encoding="utf-8")
    fill(str(Path(experiment).with_name("part.toml")), methods=["fedavg"], made=made)
    assert {key[0] for key in table(loaded(experiment, store)).values} == {"pfml", "local"}


def test_a_setting_that_few_methods_have_run_is_left_out_and_named(
    experiment: str, fill: Fill
) -> None:
    """Three methods share one partition; the other has one method, and seeds of another two."""
    store = fill(experiment, methods=["pfml"], made=made, seeds=range(3))
    part = PARTITIONS.replace('["dirichlet_0.5", "iid"]', '["iid"]')
    Path(experiment).with_name("part.toml").write_text(part, encoding="utf-8")
    fill(str(Path(experiment).with_name("part.toml")), methods=PERSONAL, made=made, seeds=range(3))
    fill(experiment, methods=["fedavg", "local"], made=made, seeds=[0])
    found = table(loaded(experiment, store))
    assert [setting.partition for setting in found.settings] == ["10 clients, IID"]
    assert list(found.partial.values()) == [1]
    assert len(found.values) == 3
    last = findings(found, standings(found))[-1]
    assert last.startswith("No claim rests on Dirichlet(0.5) (1 of 3 methods): too few methods")


def test_nothing_is_claimed_from_two_seeds(experiment: str, fill: Fill) -> None:
    two = Path(experiment).with_name("two.toml")
    two.write_text(PARTITIONS.replace("seeds = 3", "seeds = 2"), encoding="utf-8")
    store = fill(str(two), methods=PERSONAL, made=made, seeds=range(2))
    found = table(loaded(str(two), store))
    first, *others = findings(found, standings(found))
    assert first == (
        "PFML (PM) has the best mean rank, 1.0 of 3, over 2 settings and 2 seeds; "
        "3 seeds are the least for a claim, so none is made."
    )
    assert not any("above and below" in text for text in others)


def test_each_data_set_has_a_finding_of_its_own(experiment: str, fill: Fill) -> None:
    """PFML is first on one data set and last on the other, which the mean over both hides."""

    def mixed(cell: Cell, scores: str) -> float | None:
        if scores != "personal":
            return 0.1
        turn = cell.data.name == "synthetic" and cell.algorithm == "pfml"
        return 0.5 if turn else PERSONAL[cell.algorithm]

    both = Path(experiment).with_name("both.toml")
    text = PARTITIONS.replace('["digits"]', '["digits", "synthetic"]')
    both.write_text(text.replace('"dirichlet_0.5", ', ""), encoding="utf-8")
    store = fill(str(both), methods=PERSONAL, made=mixed, seeds=range(3))
    found = table(loaded(str(both), store))
    first, synthetic, digits, overall = findings(found, standings(found))[:4]
    assert first == (
        "Practically better than training alone on each of 2 data sets: no method. Best mean "
        "rank: Local-only (PM) on Synthetic, PFML (PM) on Digits."
    )
    assert digits.startswith("On Digits, PFML (PM) has the best mean rank, 1.0 of 3")
    assert "better than training alone: 1 of 2 methods (PFML (PM))" in digits
    assert "worse than training alone: 2 of 2 methods (FedAvg (PM), PFML (PM))" in synthetic
    assert "better than" not in synthetic
    assert overall.startswith("Over all, ")


def test_a_data_set_counts_beside_others_once_all_its_settings_have_run(
    experiment: str, fill: Fill
) -> None:
    """Digits is complete, Synthetic has one partition of two: no claim rests on Synthetic."""
    both = Path(experiment).with_name("both.toml")
    both.write_text(PARTITIONS.replace('["digits"]', '["digits", "synthetic"]'), encoding="utf-8")
    half = Path(experiment).with_name("half.toml")
    text = PARTITIONS.replace('["digits"]', '["synthetic"]').replace('"dirichlet_0.5", ', "")
    half.write_text(text, encoding="utf-8")
    for path in (experiment, str(half)):
        store = fill(path, methods=PERSONAL, made=made, seeds=range(3))
    found = table(loaded(str(both), store))
    assert {setting.dataset for setting in found.settings} == {"digits"}
    assert [setting.dataset for setting in found.partial] == ["synthetic"]
    said = findings(found, standings(found))
    assert all("Synthetic" not in text for text in said[:-1])
    assert said[-1].startswith("No claim rests on Synthetic (3 of 3 methods): ")


def test_the_page_opens_with_the_finding(experiment: str, fill: Fill, tmp_path: Path) -> None:
    store = fill(experiment, methods=PERSONAL, made=made, seeds=range(3), clients=clients)
    written = render(load_all([experiment], store, "paper"), tmp_path / "out")
    assert "across-as_run-clients.png" in {path.name for path in written}
    page = (tmp_path / "out" / "across.md").read_text("utf-8")
    first = next(line for line in page.splitlines() if line.startswith("**"))
    assert first.startswith(
        "**PFML (PM) has the best mean rank, 1.0 of 3, over 2 settings and 3 seeds; "
    )
    assert "practically worse than training alone: 1 of 2 methods (FedAvg (PM))." in first
    assert {"across-as_run-gains.png", "across-as_run-gains.svg"} <= {p.name for p in written}
