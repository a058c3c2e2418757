"""The page's text on a GPU, from two stores that differ by known amounts."""

import json
from pathlib import Path

import pytest
import typer

from benchmark.errors import BenchmarkError
from benchmark.spec import Cell
from reports.speed.gpu import MEASURED, gathered, main, ratios, runs_said, section
from tests.reports.conftest import CPU, METHODS, Fill, printed

GPU = CPU | {"device": "cuda (a card)"}
TF32 = GPU | {"tf32": "True"}


@pytest.fixture
def stores(tmp_path: Path, tiny: str, make: Fill) -> tuple[Path, Path, Path]:
    """Of a CPU, of a GPU and, of one method, with TF32; GM is 0.2 points apart, PM nothing."""

    def shifted(cell: Cell, scores: str) -> float | None:
        value = printed(cell, scores)
        return value if value is None or scores == "personal" else value + 0.002

    one, two, three = (tmp_path / name for name in ("cpu", "gpu", "tf32"))
    make(one, tiny)
    make(two, tiny, made=shifted, environment=GPU)
    make(three, tiny, seeds=(1, 2), methods=["pfml"], environment=TF32)
    return one, two, three


def test_scores_are_compared_run_by_run(stores: tuple[Path, Path, Path]) -> None:
    reference, *others = stores
    rows = gathered(others, reference)
    exact = [row for row in rows if row["precision"] == "float32"]
    assert {row["algorithm"] for row in exact} == set(METHODS)
    assert all(row["seeds"] == [0, 1] for row in exact)
    assert {row["seconds"] for row in exact} == {3600.0}  # an hour for the two of a program
    for row in exact:
        for name, score in row["scores"].items():
            away = 0.2 if name == "global" else 0.0
            assert score["mean"] - score["reference"] == pytest.approx(away)
            assert [score["best_apart"], score["apart"]] == pytest.approx([away, away])
    rounded = [row for row in rows if row["precision"] == "tf32"]
    assert {row["algorithm"] for row in rounded} == {"pfml"}
    assert all(row["seeds"] == [1] for row in rounded)  # the CPU's store has no seed 2
    table = runs_said(rows).splitlines()
    assert table[0].startswith(f"{2 * len(exact)} runs of {len(exact)} cells took 72000 seconds")
    assert "– |" in runs_said(rounded)  # of which there are none in float32
    for row in rounded:
        for score in row["scores"].values():
            assert any(f"{score['reference']:.3f} |" in line for line in table)


def test_only_runs_that_both_have_count(stores: tuple[Path, Path, Path]) -> None:
    reference, gpu, _ = stores
    with pytest.raises(BenchmarkError, match=r"no run that .*gpu has too"):
        gathered([reference], gpu)  # a GPU's runs are no reference
    with pytest.raises(BenchmarkError, match="no run that"):
        gathered([reference], reference / "nowhere")


def test_stores_without_such_runs_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as stopped:
        main([tmp_path / "nothing"])
    assert stopped.value.exit_code == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/nothing: no run that ")


def test_ratios_are_of_one_unit_and_method() -> None:
    row = {"unit": "U", "algorithm": "pfml", "recorded": 2.0, "launched": 9.0, "tf32": 1.0}
    rows = [row | {"seeds": 1, "floor": 0.5}, row | {"seeds": 5, "floor": 2.0, "recorded": 8.0}]
    (line,) = ratios({"rounds": rows}).splitlines()[2:]
    assert line == "| U | PFML | 4.5× | 4.0× | 8.0× | 25 % |"


def test_the_committed_measurements_are_whole() -> None:
    found = json.loads(MEASURED.read_text("utf-8"))
    assert "Table 1 under `as_run`: 100 runs of 20 cells took " in section(found)
