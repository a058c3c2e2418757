"""The command ``tune``, and runs of experiments that are tuned."""

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import benchmark.engine.training as training
from benchmark.cli.commands import app
from benchmark.engine.blocks import Blocks
from benchmark.spec import load_experiment, load_protocol
from benchmark.store import Store
from benchmark.store.tuning import Tuned, settled_cells

TUNED = """
title = "Tiny, tuned"
protocols = ["fair"]
[[grid]]
dataset = ["digits"]
partition = ["iid", "dirichlet_0.5"]
model = ["mlr"]
algorithm = ["fedavg", "local"]
active_clients = [2]
[tuning]
partition = "dirichlet_1.0"
trials = 3
[[rules]]
[rules.set]
rounds = 4
partition.clients = 4
[profiles.paper]
seeds = 2
[profiles.quick]
seeds = 1
rounds = 2
trials = 2
"""


def call(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout + result.stderr


def succeed(*arguments: object) -> str:
    code, text = call(*arguments)
    assert code == 0, text
    return text


def choices(store: Path) -> dict[str, Tuned]:
    found = (Tuned.model_validate_json(p.read_bytes()) for p in store.glob("tuning/*/*.json"))
    return {tuned.cell.algorithm: tuned for tuned in found}


@dataclass(frozen=True)
class Done:
    experiment: Path
    store: Path
    said: str


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("tuned")
    path = folder / "tiny.toml"
    path.write_text(TUNED, encoding="utf-8")
    said = succeed("tune", path, "--jobs", 1, "--store", folder / "runs")
    return Done(path, folder / "runs", said)


@pytest.fixture
def copied(tuned: Done, tmp_path: Path) -> Done:
    shutil.copytree(tuned.store, tmp_path / "runs")
    return replace(tuned, store=tmp_path / "runs")


def test_every_method_has_the_same_number_of_trials_all_in_the_store(tuned: Done) -> None:
    found = choices(tuned.store)
    assert {name: len(t.trials) for name, t in found.items()} == {"fedavg": 3, "local": 3}
    keys = {run.cell.key for _, run in Store(tuned.store).runs()}
    assert {trial.key for t in found.values() for trial in t.trials} == keys
    assert {run.seed for _, run in Store(tuned.store).runs()} == {1000}
    assert "3 trials per method" in tuned.said
    assert (tuned.store / "report/figures/tuning-tiny-digits-mlr.png").is_file()


def test_the_same_command_makes_nothing_and_chooses_the_same(copied: Done) -> None:
    before = choices(copied.store)
    assert "0 jobs on" in succeed("tune", copied.experiment, "--store", copied.store)
    assert choices(copied.store) == before


def test_runs_have_the_settings_chosen_and_partitions_share_them(copied: Done) -> None:
    text = succeed("run", copied.experiment, "--jobs", 1, "--store", copied.store)
    assert "8 jobs on cpu" in text  # two partitions, methods and seeds
    found = choices(copied.store)
    runs = [run for _, run in Store(copied.store).runs() if run.seed != 1000]
    assert {run.cell.partition.kind for run in runs} == {"iid", "dirichlet"}
    assert all(run.cell.hyper == found[run.cell.algorithm].best.hyper for run in runs)
    assert "FedAvg" in text
    assert "Local-only" in text
    assert succeed("status", copied.experiment, "--store", copied.store).strip() == "8 done"


def test_a_run_before_tuning_names_the_command_to_run_first(tuned: Done, tmp_path: Path) -> None:
    code, text = call("run", tuned.experiment, "--store", tmp_path)
    assert code == 2
    assert "fedavg has had 0 trials on digits; first run: python -m benchmark tune" in text


def test_unequal_budgets_are_refused(copied: Done) -> None:
    more = ("--algorithm", "fedavg", "--trials", 5, "--jobs", 1)
    succeed("tune", copied.experiment, "--store", copied.store, *more)
    assert len(choices(copied.store)["fedavg"].trials) == 5
    code, text = call("run", copied.experiment, "--store", copied.store)
    assert code == 2
    assert "local has had 3 trials on digits, another method 5" in text
    assert "--trials 5" in text


def test_more_trials_go_on_from_those_there_are(copied: Done) -> None:
    before = choices(copied.store)
    text = succeed("tune", copied.experiment, "--store", copied.store, "--trials", 4, "--jobs", 1)
    assert "2 jobs on cpu, 1 at a time; 6 runs are there" in text
    for name, found in choices(copied.store).items():
        assert found.trials[:3] == before[name].trials


def test_the_tuning_seed_is_not_reported(tuned: Done) -> None:
    code, text = call("run", tuned.experiment, "--store", tuned.store, "--seeds", "0,1000")
    assert code == 2
    assert "1000 is the tuning seed" in text
    assert call("tune", tuned.experiment, "--store", tuned.store, "--seeds", 3)[0] == 2


def test_a_profile_with_trials_makes_them_on_the_way(tuned: Done, tmp_path: Path) -> None:
    quick = ("run", tuned.experiment, "--profile", "quick", "--store", tmp_path, "--jobs", 1)
    text = succeed(*quick)
    assert "2 trials per method" in text
    assert {len(t.trials) for t in choices(tmp_path).values()} == {2}
    assert "trials per method" not in succeed(*quick)


def test_scrambled_test_labels_change_no_choice(
    tuned: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = training._scored

    def scrambled(*given: Any) -> tuple[Blocks, Blocks | None]:
        test, validation = scored(*given)
        return replace(test, y=(test.y + 3) % 10, x=test.x * np.nan), validation

    monkeypatch.setattr(training, "_scored", scrambled)
    succeed("tune", tuned.experiment, "--jobs", 1, "--store", tmp_path)
    assert choices(tmp_path) == choices(tuned.store)
    test = {str(p.relative_to(tuned.store)) for p in tuned.store.glob("*/*/history.parquet")}
    digests = {
        store: {hashlib.sha256((store / name).read_bytes()).hexdigest() for name in test}
        for store in (tuned.store, tmp_path)
    }
    assert digests[tuned.store] != digests[tmp_path]  # the test scores themselves are others


def test_what_is_not_tuned_yet_is_left_out_of_a_report(tuned: Done, tmp_path: Path) -> None:
    experiment, protocol = load_experiment(str(tuned.experiment)), load_protocol("fair")
    profile = experiment.profiles["paper"]
    assert settled_cells(Store(tmp_path), experiment, protocol, profile) == []
    found = settled_cells(Store(tuned.store), experiment, protocol, profile)
    assert [cell.algorithm for cell in found] == ["fedavg", "local"] * 2


def test_an_experiment_without_tuning_cannot_be_tuned() -> None:
    code, text = call("tune", "digits")
    assert code == 2
    assert "no [tuning]" in text
