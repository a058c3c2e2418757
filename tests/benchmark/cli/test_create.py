"""Starting files run as they are."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app


def ran(code: int, *words: object) -> str:
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done.output


def test_starting_files_run_together_as_they_are(tmp_path: Path) -> None:
    for kind, name in (("method", "step"), ("model", "net"), ("experiment", "trial")):
        assert "try it: python -m benchmark run" in ran(0, "new", kind, name, "--folder", tmp_path)
    text = ran(
        *(0, "run", tmp_path / "trial.toml", "--profile", "smoke", "--jobs", 1),
        *("--algorithm", tmp_path / "step.py", "--model", tmp_path / "net.py"),
        *("--store", tmp_path / "runs"),
    )
    assert "step" in text
    assert "1 jobs on " in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("method", "My-Method"), "rename the file: lower-case letters, digits, underscores"),
        (("thing", "mine"), "allowed: method, model, experiment"),
    ],
)
def test_what_cannot_be_started_is_one_line(
    tmp_path: Path, words: tuple[str, str], said: str
) -> None:
    assert said in ran(2, "new", *words, "--folder", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("mine", encoding="utf-8")
    assert "the file exists" in ran(2, "new", "method", "mine", "--folder", tmp_path)
    assert (tmp_path / "mine.py").read_text(encoding="utf-8") == "mine"
