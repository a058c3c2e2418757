"""Any arguments are accepted, or refused in one line with exit code 2."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import benchmark.jobs.workers
from benchmark.cli.commands import app
from tests.benchmark.cases import EXPERIMENT
from tests.benchmark.mutations import fuzzed, within

STORED = ["run", "tune", "report", "compare", "show", "verify", "status", "models", "figure"]
STORED += ["export"]
COMMANDS = [*STORED, "list", "partition", "partition show", "pack", "unpack"]
OPTIONS = ["--profile", "--protocol", "--algorithm", "--dataset", "--seeds", "--seed", "--jobs"]
OPTIONS += ["--device", "--data-root", "--store", "--out", "--rounds", "--ray", "--json", "--rerun"]
OPTIONS += ["--time-limit", "--tolerance", "--precision", "--graphs", "--no-graphs", "--set"]
OPTIONS += ["--model", "--format", "--keep-models", "--checkpoint-every", "--help"]
WORDS = ["tiny.toml", "digits", "smoke", "paper", "as_run", "fedavg", "mnist", "cpu", "auto", "0,1"]
WORDS += ["rounds=2", "hyper.eta=0.1", "hyper.eta=nan", "x.y=1", "partition=iid", "csv", "mlr"]
HOSTILE = ["", "-", "--", "--no", "/dev/null/x", "/proc/nowhere"]
HOSTILE += ["x" * 300, "x" * 5000, "x" * 300 + ".toml", "x" * 300 + ".py", "../" * 2000, "a/b.toml"]
HOSTILE += [
    "-1",
    "0",
    "1e9",
    "9" * 30,
    "nan",
    "٣",
    "1,",
    ",",
    "é",
    "\ud800",
    "\u202e",
    "a\nb",
    "[/]",
]
# No NUL: no process can be given one. No way out of the folder: none was asked for.
TEXT = st.text(st.characters(exclude_characters="\0/.~"), max_size=8)
VALUES = st.one_of(st.sampled_from(WORDS), st.sampled_from(HOSTILE), TEXT, st.integers().map(str))
ARGUMENTS = st.one_of(
    VALUES, st.sampled_from(OPTIONS), st.tuples(st.sampled_from(OPTIONS), VALUES).map("=".join)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("arguments") / "here"
    place.mkdir()
    (place / "tiny.toml").write_text(EXPERIMENT, encoding="utf-8")
    return place


@pytest.mark.slow
@fuzzed(200)
@given(
    command=st.sampled_from(COMMANDS),
    arguments=st.lists(ARGUMENTS, max_size=5),
    named=st.booleans(),
)
def test_any_arguments(folder: Path, command: str, arguments: list[str], named: bool) -> None:
    """Only arguments are tested; nothing is trained."""
    place = ["--store", "runs"] if command in STORED else []  # not the committed results
    words = [*command.split(), *place, *(["tiny.toml"] if named else []), *arguments]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(benchmark.jobs.workers, "run_all", lambda *_: None)
        with within(30):
            done = CliRunner().invoke(app, words)
    assert done.exit_code in (0, 2), f"{words}\n{done.output}\n{done.exception!r}"
    if done.exit_code == 2:
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ")
    assert os.listdir(folder.parent) == ["here"]
