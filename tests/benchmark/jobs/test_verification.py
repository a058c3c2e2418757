"""A stored run, made again."""

import os
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app
from benchmark.engine.models import Network
from benchmark.jobs.data import Source
from benchmark.jobs.verification import difference, verify
from tests.benchmark.cases import cell, complaint, job, trained

FIXED = {"partition.seed": 0, "rounds": 6}


def test_the_first_rounds_of_a_run_come_out_the_same(tmp_path: Path) -> None:
    for words in ({}, {"evaluate_every": 4}, {"train_loss_every": 4}, {"batches": "fixed_order"}):
        of = cell({**FIXED, **words})
        store = trained(tmp_path, job(of, 2))
        found = verify(store.folder(of, 2), 5, Source(), "cpu")
        assert found.first is None
        assert found.evaluations == (1 if words == {"evaluate_every": 4} else 5)
        assert found.changes == ()


def test_a_run_that_was_another_is_found_out(tmp_path: Path) -> None:
    of = cell(FIXED)
    store = trained(tmp_path, job(of), job(of, 1))
    run, other = (store.find(of, seed) for seed in (0, 1))
    assert run is not None
    assert other is not None
    folder = store.folder(of, 1)
    tables = (pd.read_parquet(folder / f"{name}.parquet") for name in ("history", "clients"))
    environment = {**run.environment, "torch": "0.1"}
    store.write(run.model_copy(update={"environment": environment}), *tables)
    found = verify(store.folder(of, 0), 3, Source(), "cpu")
    assert found.first is not None
    assert found.first.startswith("round 0, global_accuracy: ")
    assert found.changes == (f"torch: 0.1, now {run.environment['torch']}",)
    result = CliRunner().invoke(app, ["verify", str(store.folder(of, 0)), "--rounds", "3"])
    assert result.exit_code == 1
    assert "first differs at round 0" in result.stdout
    result = CliRunner().invoke(app, ["verify", f"{of.key}/seed-1", "--store", str(tmp_path)])
    assert result.exit_code == 0
    assert "6 evaluations, the same bits" in result.stdout


def test_what_computed_the_convolutions_is_recorded_and_a_reason_to_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = cell(FIXED)
    with monkeypatch.context() as patch:
        patch.setattr(Network, "convolutions", lambda *_: "numba 0.1")
        store = trained(tmp_path, job(of))
    found = verify(store.folder(of, 0), 3, Source(), "cpu")
    assert found.changes == ("convolutions: numba 0.1, now torch",)
    run = store.find(of, 0)
    assert run is not None
    tables = [
        pd.read_parquet(store.folder(of, 0) / f"{name}.parquet") for name in ("history", "clients")
    ]
    old = {name: value for name, value in run.environment.items() if name != "convolutions"}
    store.write(run.model_copy(update={"environment": old}), *tables)
    assert verify(store.folder(of, 0), 3, Source(), "cpu").changes == ()


def test_where_two_histories_first_differ() -> None:
    one = pd.DataFrame({"round": [0, 1, 2], "loss": [1.0, 0.5, 0.25], "seconds": [1.0, 2.0, 3.0]})
    assert difference(one, one.assign(seconds=0.0)) == (3, None)
    assert difference(one, one.assign(loss=[1.0, float("nan"), 0.25])) == (3, None)
    assert difference(one, one[1:]) == (2, None)
    count, text = difference(one, one.assign(loss=[1.0, 0.5, 0.125]))
    assert (count, text) == (3, "round 2, loss: 0.25 stored, 0.125 now (difference -0.12)")


def test_what_cannot_be_made_again_is_one_line(tmp_path: Path) -> None:
    of = cell(FIXED)
    store = trained(tmp_path, job(of))
    run = store.find(of, 0)
    assert run is not None
    folder = store.folder(of, 0)
    tables = [pd.read_parquet(folder / f"{name}.parquet") for name in ("history", "clients")]
    store.write(run.model_copy(update={"partition": "ab" * 32}), *tables)
    assert "partition: " in complaint(lambda: verify(folder, 1, Source(), "cpu"))
    store.write(run.model_copy(update={"hyper": {"eta": 1.0}}), *tables)
    assert "hyper: " in complaint(lambda: verify(folder, 1, Source(), "cpu"))
    assert "not a record" in complaint(lambda: verify(tmp_path / "none", 1, Source(), "cpu"))


@pytest.mark.parametrize("name", ["status", "verify"])
def test_the_commands_say_what_they_can(name: str) -> None:
    assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


def test_status_counts_runs_and_says_the_time_left(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["status", "table1", "--store", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "not begun" in result.stdout
    assert "nothing is known of the time of" in result.stdout
    assert os.listdir(tmp_path) == []
