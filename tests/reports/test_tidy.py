"""The exported tables hold every number of the pages, and enough to compute it again."""

import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app
from reports.statistics import reduce
from tests.reports.conftest import Fill

NUMBER = re.compile(r"\d+\.\d+")


@pytest.fixture
def exported(tiny: str, fill: Fill, tmp_path: Path) -> Path:
    """A report and its export."""
    store = fill(tiny)
    for command in (["report"], ["export", "--format", "parquet"]):
        out = ["--store", str(store), "--out", str(tmp_path / "out"), "--protocol", "as_run"]
        done = CliRunner().invoke(app, [command[0], tiny, *command[1:], *out])
        assert done.exit_code == 0, done.output
    return tmp_path / "out"


def test_every_number_of_a_pages_table_is_exported(exported: Path) -> None:
    numbers = pd.read_parquet(exported / "numbers.parquet")
    columns = numbers.select_dtypes("number").stack().abs()
    known = {f"{value:.{digits}f}" for value in columns for digits in (1, 2)}
    page = (exported / "tiny.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "ours" in line]
    found = [number for row in rows for number in NUMBER.findall(re.sub("[(].*?[)]", "", row))]
    assert len(found) > 50
    assert {number for number in found if number not in known} == set()


def test_numbers_come_out_again_from_the_scores(exported: Path) -> None:
    numbers = pd.read_parquet(exported / "numbers.parquet")
    scores = pd.read_parquet(exported / "scores.parquet")
    tested = scores[(scores["score"] == "accuracy") & (scores["split"] == "test")]
    checked = 0
    for row in numbers.dropna(subset="ours_mean").itertuples():
        runs = tested[(tested["cell"] == row.cell) & (tested["models"] == row.scores)]
        reduced = [
            100 * reduce(run.sort_values("round")["value"], str(row.reduction))
            for _, run in runs.groupby("seed")
        ]
        assert len(reduced) == row.seeds
        assert pd.Series(reduced).mean() == pytest.approx(row.ours_mean, abs=1e-12)
        assert pd.Series(reduced).std() == pytest.approx(row.ours_std, abs=1e-12)
        checked += 1
    assert checked > 20


@pytest.mark.parametrize("format_", ["csv", "json"])
def test_the_formats_say_the_same(
    format_: str, tiny: str, fill: Fill, tmp_path: Path, exported: Path
) -> None:
    store = fill(tiny)
    command = ["export", tiny, "--store", str(store), "--protocol", "as_run", "--out"]
    done = CliRunner().invoke(app, [*command, str(tmp_path / "other"), "--format", format_])
    assert done.exit_code == 0, done.output
    path = tmp_path / "other" / f"scores.{format_}"
    other = pd.read_csv(path) if format_ == "csv" else pd.read_json(path)
    ours = pd.read_parquet(exported / "scores.parquet")
    assert list(other) == list(ours)
    pd.testing.assert_series_equal(other["value"], ours["value"], rtol=0, atol=1e-14)


def test_an_unknown_format_is_one_line(tiny: str, fill: Fill, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", tiny, "--format", "xls"])
    assert done.exit_code == 2
    assert "csv, parquet, json, tensorboard" in done.stderr
