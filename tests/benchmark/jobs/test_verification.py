"""Repeat a stored run and compare."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app
from benchmark.engine.models import Network
from benchmark.jobs.data import Source, _arrays, arrays_of
from benchmark.jobs.verification import difference, verify
from tests.benchmark.cases import cell, complaint, job, trained
from tests.benchmark.stops import gone_on, stopped

FIXED = {"partition.seed": 0, "rounds": 6}


def test_the_first_rounds_of_a_run_come_out_the_same(tmp_path: Path) -> None:
    for words in ({}, {"evaluate_every": 4}, {"train_loss_every": 4}, {"batches": "fixed_order"}):
        of = cell({**FIXED, **words})
        store = trained(tmp_path, job(of, 2))
        found = verify(store.folder(of, 2), 5, Source(), "cpu")
        assert found.difference.first is None
        assert found.difference.evaluations == (1 if words == {"evaluate_every": 4} else 5)
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
    assert found.difference.first is not None
    assert found.difference.first.startswith("round 0, global_accuracy: ")
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


def test_where_and_how_much_two_histories_differ() -> None:
    scores = {"global_loss": [1.0, 0.5, 0.25], "global_accuracy": [0.1, 0.2, 0.3]}
    one = pd.DataFrame({"round": [0, 1, 2], **scores, "seconds": [1.0, 2.0, 3.0]})
    for same in (one.assign(seconds=0.0), one.assign(global_loss=[1.0, np.nan, 0.25]), one[1:]):
        found = difference(one, same)
        assert (found.first, found.largest, found.accuracies_agree) == (None, {}, True)
        assert found.within(0.0)
    assert difference(one, one[1:]).evaluations == 2
    found = difference(one, one.assign(global_loss=[1.0, 0.375, 0.5]))
    assert found.first == "round 1, global_loss: 0.5 stored, 0.375 now (difference -0.12)"
    assert (found.largest, found.accuracies_agree) == ({"global_loss": 0.25}, True)
    assert (found.within(0.25), found.within(0.24)) == (True, False)
    found = difference(one, one.assign(global_accuracy=[0.1, 0.2, 0.3 + 1e-9]))
    assert not found.accuracies_agree
    assert found.largest["global_accuracy"] == pytest.approx(1e-9, rel=1e-6)
    found = difference(one, one.assign(global_loss=[1.0, np.inf, 0.25]))
    assert found.largest == {"global_loss": np.inf}
    assert not found.within(1e9)
    both = one.assign(global_loss=[1.0, np.inf, 0.25])
    assert difference(both, both).first is None


def test_a_small_difference_can_be_allowed(tmp_path: Path) -> None:
    of = cell(FIXED)
    store = trained(tmp_path, job(of))
    run, folder = store.find(of, 0), store.folder(of, 0)
    assert run is not None
    history, clients = (pd.read_parquet(folder / f"{n}.parquet") for n in ("history", "clients"))
    history["global_loss"] += 2e-9
    store.write(run, history, clients)
    result = CliRunner().invoke(app, ["verify", str(folder)])
    assert result.exit_code == 1
    assert "all accuracies agree: yes" in result.stdout
    assert "largest difference of global_loss: 2e-09" in result.stdout
    result = CliRunner().invoke(app, ["verify", str(folder), "--tolerance", "1e-8"])
    assert result.exit_code == 0, result.output


def test_other_data_are_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a pixel that changed, or a label, in files that have no published checksum."""
    of = cell({"data.scaling": "unit", **FIXED})
    stopped(tmp_path, job(of, 1), 2)
    store = trained(tmp_path, job(of))
    run = store.find(of, 0)
    assert run is not None
    assert run.data == arrays_of(of.data, Source()).digest
    real = arrays_of(of.data, Source())
    x = real.x.copy()
    x[0, 0, 4, 4] += 1
    _arrays.cache_clear()
    monkeypatch.setattr("datasets.load", lambda *_, **__: replace(real, x=x))
    try:
        line = complaint(lambda: verify(store.folder(of, 0), 1, Source(), "cpu"))
        notes = gone_on(tmp_path, job(of, 1))
    finally:
        _arrays.cache_clear()
    assert line.startswith(f"{store.folder(of, 0)}: data: ")
    assert notes[0].endswith("the checkpoint of a run with another data; not used")


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
    assert "no estimate for" in result.stdout
    assert os.listdir(tmp_path) == []
