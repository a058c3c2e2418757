"""The command line: what each command does and prints when all is well."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark import places
from benchmark.cli.commands import app
from benchmark.cli.partition import spans
from benchmark.places import algorithm_names, experiment_names
from benchmark.store import Store
from tests.benchmark.cases import EXPERIMENT, MINE, ROOT


def succeed(*arguments: object) -> str:
    """The output of a command that succeeds."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


FEW = ("fedavg", "local", "pfml")


@dataclass(frozen=True)
class Finished:
    """The outputs of a run of digits and of the same command repeated."""

    store: Path
    first: str
    second: str


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    store = tmp_path_factory.mktemp("digits") / "runs"
    named = [word for name in FEW for word in ("--algorithm", name)]
    command = ("run", "digits", "--profile", "smoke", "--store", store, "--jobs", 1, *named)
    return Finished(store, succeed(*command, "--device", "cpu"), succeed(*command))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    return path


def test_list_shows_experiments_protocols_profiles_and_methods() -> None:
    text = succeed("list")
    for name in (*experiment_names(), *algorithm_names(), "as_run", "as_described"):
        assert name in text
    for profile in ("smoke", "quick", "paper"):
        assert profile in text


def test_a_run_trains_every_cell_and_prints_scores_and_paths_of_figures(digits: Finished) -> None:
    runs = [run for _, run in Store(digits.store).runs()]
    cells = {(run.cell.model.name, run.cell.algorithm) for run in runs}
    assert cells == {(model, name) for model in ("mlr", "dnn") for name in FEW}
    assert "6 jobs on cpu, 1 at a time; 0 runs are there" in digits.first
    assert "finished 6/6: " in digits.first
    assert "Digits: all methods" in digits.first
    paths = [Path(line) for line in digits.first.splitlines() if line.startswith("/")]
    assert {path.suffix for path in paths} >= {".md", ".html", ".tex", ".png", ".svg"}
    assert all(path.is_file() and path.is_relative_to(digits.store) for path in paths)


def test_the_same_command_again_trains_nothing_and_reports_the_same(digits: Finished) -> None:
    assert "0 jobs on " in digits.second
    assert "6 runs are there" in digits.second
    assert "finished" not in digits.second
    heading = "Digits: all methods"
    assert digits.second.partition(heading)[2] == digits.first.partition(heading)[2]


def test_more_seeds_train_only_what_is_missing_and_a_report_goes_where_it_is_asked_for(
    tiny: Path, tmp_path: Path
) -> None:
    place = (tiny, "--profile", "smoke", "--store", tmp_path / "runs")
    command = ("run", *place, "--algorithm", "local", "--jobs", 1)
    assert "1 jobs on " in succeed(*command)
    text = succeed(*command, "--seeds", "0,7")
    assert "1 jobs on " in text
    assert "1 runs are there" in text
    assert "1 jobs on " in succeed(*command, "--seeds", 2)
    assert [run.seed for _, run in Store(tmp_path / "runs").runs()] == [0, 1, 7]
    text = succeed("report", *place, "--out", tmp_path / "report")
    assert str(tmp_path / "report") in text
    written = {path.suffix for path in (tmp_path / "report").rglob("*")}
    assert written >= {".md", ".html", ".tex", ".png", ".svg"}


def test_a_method_of_ones_own_runs_from_its_path_and_is_in_the_summary(
    tiny: Path, tmp_path: Path
) -> None:
    path, store = tmp_path / "mine_alone.py", tmp_path / "runs"
    path.write_text(MINE, encoding="utf-8")
    text = succeed(
        *("run", tiny, "--profile", "smoke", "--store", store, "--jobs", 1),
        *("--algorithm", path, "--algorithm", "local"),
    )
    assert "2 jobs on " in text
    assert re.search(r"mine.alone", text.partition("\nTiny")[2])
    assert {run.cell.algorithm for _, run in Store(store).runs()} == {"mine_alone", "local"}


def test_a_method_dropped_into_the_folder_is_run_by_its_name(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "algorithms"
    folder.mkdir()
    for name in (*FEW, "pfedme", "perfedavg"):
        shutil.copy(ROOT / "algorithms" / f"{name}.py", folder)
    (folder / "dropped.py").write_text(MINE, encoding="utf-8")
    monkeypatch.setattr(places, "ALGORITHMS", folder)
    tiny.write_text(EXPERIMENT.replace('["fedavg", "local"]', '["*"]'), encoding="utf-8")
    assert "dropped" in succeed("list")
    succeed("run", tiny, "--profile", "smoke", "--store", tmp_path / "runs", "--jobs", 1)
    ran = {run.cell.algorithm for _, run in Store(tmp_path / "runs").runs()}
    assert ran == {path.stem for path in folder.glob("[a-z]*.py")} >= {"dropped", "pfml"}


def test_a_run_of_one_round_is_reported_without_warnings(tiny: Path, tmp_path: Path) -> None:
    tiny.write_text(EXPERIMENT.replace("rounds = 2", "rounds = 1"), encoding="utf-8")
    text = succeed(
        *("run", tiny, "--profile", "smoke", "--store", tmp_path / "runs", "--jobs", 1),
        *("--algorithm", "local"),
    )
    assert ".svg" in text


def test_compare_prints_strict_json_for_each_published_number_even_of_an_empty_store(
    tmp_path: Path,
) -> None:
    rows = json.loads(succeed("compare", "table1", "--json", "--store", tmp_path))
    assert len(rows) == 20
    keys = {"table", "dataset", "model", "active_clients", "algorithm", "scores", "paper_mean"}
    for row in rows:
        assert keys <= row.keys()
        assert (row["ours_mean"], row["seeds"]) == (None, 0)


def test_a_seed_named_twice_is_one_run(tiny: Path, tmp_path: Path) -> None:
    text = succeed(
        *("run", tiny, "--profile", "smoke", "--store", tmp_path / "runs", "--jobs", 1),
        *("--algorithm", "local", "--seeds", "0,0"),
    )
    assert "1 jobs on " in text


def test_partition_show_prints_who_holds_what_and_draws_it(tmp_path: Path) -> None:
    text = succeed("partition", "show", "digits", "--out", tmp_path)
    rows = [line.split() for line in text.splitlines() if re.match(r"\s*\d+ ", line)]
    assert len(rows) == 10
    for client, row in enumerate(rows):
        *counts, train, test = (0 if n == "·" else int(n) for n in row[1:])
        assert int(row[0]) == client
        assert sum(counts) == train + test
        assert sum(n > 0 for n in counts) == 3
    assert sum(int(row[-1]) + int(row[-2]) for row in rows) == 1797
    digest = re.search(r"digest ([0-9a-f]{64})", text)
    assert digest is not None
    (path,) = re.findall(r"heat map: (.*)", text)
    assert Path(path).is_file()
    assert digest[1][:12] in path
    other = succeed("partition", "show", "digits", "--out", tmp_path, "--seed", 1)
    assert digest[1] not in other


def test_the_module_runs_as_a_program_without_warnings() -> None:
    command = [sys.executable, "-W", "error", "-m", "benchmark", "list"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "methods:\n  apfl" in done.stdout


def test_many_classes_are_listed_in_spans() -> None:
    assert spans([]) == ""
    assert spans([3]) == "3"
    assert spans([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"


def test_an_edited_method_is_trained_again_unless_its_older_runs_are_kept(
    tiny: Path, tmp_path: Path
) -> None:
    path, store = tmp_path / "mine_edited.py", tmp_path / "runs"
    path.write_text(MINE, encoding="utf-8")
    place = ("run", tiny, "--profile", "smoke", "--store", store, "--jobs", 1)
    command = (*place, "--algorithm", path)
    assert "1 jobs on " in succeed(*command)
    path.write_text(MINE + "\n# a comment\n", encoding="utf-8")
    assert "0 jobs on " in succeed(*command)
    ((_, before),) = Store(store).runs()
    path.write_text(MINE.replace("batches(2)", "batches(3)"), encoding="utf-8")
    text = succeed(*command, "--keep-older")
    assert "runs by older versions of mine_edited are kept" in text
    assert "0 jobs on " in text
    text = succeed(*command)
    assert "runs by older versions of mine_edited are trained again" in text
    assert "1 jobs on " in text
    ((_, after),) = Store(store).runs()
    assert after.code != before.code
    assert "0 jobs on " in succeed(*command)


def test_show_prints_every_setting_the_split_and_the_command_behind_a_number() -> None:
    key = "synthetic-mlr-pfml-4bf7920a480e"
    text = succeed("show", key)
    assert succeed("show", "4bf7920a480e") == text
    for line in (
        "data.name = synthetic",
        "partition.train_fraction = ",
        "rounds = ",
        "lam = ",
        "outer_gradient = inner",
        "train = ",
        f"python -m benchmark verify {key}/seed-0",
        "python -m benchmark run ",
    ):
        assert f"  {line}" in text, line
