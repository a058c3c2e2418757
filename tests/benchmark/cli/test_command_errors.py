"""The command line: bad input is one line and exit code 2, never a traceback."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

import benchmark.jobs.workers
from benchmark.cli.commands import app
from benchmark.store import Store
from tests.benchmark.cases import EXPERIMENT, MINE


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    path = tmp_path / "tiny.toml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    return str(path)


def refused(*arguments: object) -> str:
    """The one line on standard error of a command that is refused."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert "Traceback" not in result.output
    return line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--profile", "huge"), ["no profile 'huge'", "paper", "smoke"]),
        (("--protocol", "as_wished"), ["no protocol 'as_wished'", "as_run", "as_described"]),
        (("--algorithm", "fedmean"), ["no algorithm 'fedmean'", "fedavg", "pfml"]),
        (("--algorithm", "gone.py"), ["gone", "fedavg"]),
        (("--device", "tpu"), ["--device tpu", "auto, cpu"]),
        (("--device", "cpu", "--precision", "tf32"), ["--precision tf32", "on cpu", "float32"]),
        (("--seeds", "many"), ["--seeds many", "5", "0,3,4"]),
        (("--seeds", "0"), ["--seeds 0"]),
        (("--seeds", "-1"), ["--seeds -1"]),
        (("--seeds", "1,-2"), ["--seeds 1,-2"]),
        (("--seeds", "1,,2"), ["--seeds 1,,2"]),
        (("--seeds", ""), ["--seeds"]),
        (("--seeds", ","), ["--seeds"]),
        (("--seeds", "9" * 20), ["--seeds 999", "0,3,4 or 7,"]),
        (("--seeds", "1001"), ["1 to 1000 seeds"]),
        (("--seeds", "4294967296,"), ["0 to 4294967295"]),
        (("--jobs", "-1"), ["--jobs"]),
        (("--time-limit", "0"), ["--time-limit 0", "9m", "1h30m"]),
        (("--time-limit", "m9"), ["--time-limit m9"]),
        (("--time-limit", "\u0663m"), ["--time-limit"]),
        (("--jobs", "2000"), ["--jobs 2000", "1024"]),
        (("--dataset", "mnist"), ["--dataset mnist", "digits"]),
    ],
)
def test_a_run_with_an_option_that_cannot_be_is_refused(
    tiny: str, tmp_path: Path, options: tuple[str, ...], said: list[str]
) -> None:
    store = tmp_path / "runs"
    line = refused("run", tiny, "--store", store, *options)
    for part in said:
        assert part in line
    assert list(Store(store).runs()) == []


@pytest.mark.parametrize("command", [("run",), ("report",), ("compare",), ("partition", "show")])
def test_an_unknown_experiment_is_answered_with_those_there_are(command: tuple[str, ...]) -> None:
    line = refused(*command, "table9")
    for part in ("'table9'", "digits", "table1", "figure2"):
        assert part in line


@pytest.mark.parametrize("command", [("run",), ("partition", "show")])
def test_missing_data_say_what_to_do(command: tuple[str, ...], tmp_path: Path) -> None:
    options = ["--store", tmp_path / "runs", "--jobs", 1] if command == ("run",) else []
    line = refused(*command, "table1", "--protocol", "as_run", "--data-root", tmp_path, *options)
    for part in ("mnist", "--data-root", "--download"):
        assert part in line


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def init(:", "SyntaxError"),
        ("x = 1", "it lacks Hyper"),
    ],
)
def test_a_method_that_cannot_be_used_is_one_line(
    tiny: str, tmp_path: Path, source: str, said: str
) -> None:
    path = tmp_path / "mine_wrong.py"
    path.write_text(source, encoding="utf-8")
    line = refused("run", tiny, "--store", tmp_path / "runs", "--algorithm", path)
    assert "mine_wrong.py" in line
    assert said in line


@pytest.mark.parametrize("name", ["My-Method.py", "2fast.py", "ä.py"])
def test_a_method_whose_name_cannot_be_a_folder_is_named(
    tiny: str, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text(MINE, encoding="utf-8")
    line = refused("run", tiny, "--store", tmp_path / "runs", "--algorithm", tmp_path / name)
    assert f"{name}: rename the file: lower-case letters, digits, underscores" in line


def test_an_experiment_whose_name_cannot_be_a_page_is_told_to_rename_its_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "My-Experiment.toml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    assert "rename the file: lower-case" in refused("run", path)


def test_two_methods_of_one_name_are_refused(tiny: str, tmp_path: Path) -> None:
    paths = [tmp_path / folder / "mine_twice.py" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(MINE, encoding="utf-8")
    line = refused("run", tiny, "--algorithm", paths[0], "--algorithm", paths[1])
    assert str(paths[0]) in line
    assert str(paths[1]) in line
    assert "rename" in line


def test_a_store_that_cannot_be_written_is_one_line(tiny: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "runs"
    assert str(tmp_path / "file") in refused("run", tiny, "--store", place, "--jobs", 1)


def test_a_damaged_run_is_named(tiny: str, tmp_path: Path) -> None:
    arguments = ["run", tiny, "--profile", "smoke", "--algorithm", "local", "--jobs", "1"]
    store = tmp_path / "runs"
    done = CliRunner().invoke(app, [*arguments, "--store", str(store)])
    assert done.exit_code == 0, done.output
    ((folder, _),) = Store(store).runs()
    (folder / "history.parquet").write_bytes(b"PAR1")
    line = refused("report", tiny, "--profile", "smoke", "--store", store)
    assert str(folder / "history.parquet") in line
    (folder / "run.json").write_text("{")
    again = CliRunner().invoke(app, [*arguments, "--store", str(store)])
    assert again.exit_code == 0, again.output
    assert str(folder / "run.json") in " ".join(again.output.split())


@pytest.mark.parametrize("command", ["report", "compare"])
def test_an_empty_store_names_the_command_that_fills_it(command: str, tmp_path: Path) -> None:
    line = refused(command, "digits", "--store", tmp_path)
    assert "python -m benchmark run digits" in line


def test_a_data_set_that_the_experiment_does_not_have_is_refused(tmp_path: Path) -> None:
    line = refused("partition", "show", "digits", "--dataset", "mnist", "--out", tmp_path)
    assert "mnist" in line
    assert "digits" in line


def test_an_interrupt_says_how_to_go_on(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark.jobs.workers, "run_all", interrupted)
    arguments = ["run", tiny, "--store", str(tmp_path / "runs"), "--jobs", "1"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 130
    (line,) = result.stderr.splitlines()
    assert "the same command goes on" in line


def test_a_part_of_a_name_that_is_not_one_cells_is_told_which_there_are() -> None:
    assert "no cell of" in refused("show", "nothing")
    assert "cells of" in refused("show", "synthetic-mlr")
