"""The exported tables hold every number of the pages, and enough to compute it again."""

import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app
from benchmark.store import Costs
from reports.statistics import reduce
from tests.reports.conftest import Fill
from tests.reports.test_across import PARTITIONS, PERSONAL, clients, made

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


def pages_rows(page: Path) -> list[str]:
    """The rows of a page's tables of numbers: all but that of commands and commits."""
    text, _, _ = page.read_text(encoding="utf-8").partition("### How the runs were made")
    return [line for line in text.splitlines() if line.startswith("| ")]


def places(row: str) -> list[str]:
    """The fields of a row without its heading."""
    return row.replace("\\|", "/").split("|")[2:]


def assert_exported(page: Path, tables: Path) -> int:
    """Require every number of a page's tables in the export; return their number."""
    numbers = pd.read_parquet(tables / "numbers.parquet")
    columns = numbers.select_dtypes("number").stack().abs()
    known = {f"{value:.{digits}f}" for value in columns for digits in (1, 2)}
    words = numbers.select_dtypes(exclude="number").to_numpy().ravel()
    known |= {number for text in words for number in NUMBER.findall(str(text))}
    printed = {*pd.read_parquet(tables / "printed.parquet")["text"]}
    rest = [text.strip() for row in pages_rows(page) for text in places(row)]
    found = [n for text in rest if text not in printed for n in NUMBER.findall(text)]
    assert {number for number in found if number not in known} == set()
    return len(found) + sum(text in printed for text in rest)


def test_every_number_in_a_pages_tables_is_exported(exported: Path) -> None:
    assert assert_exported(exported / "tiny.md", exported) > 50


def test_every_number_of_a_comparison_over_partitions_is_exported(
    fill: Fill, tmp_path: Path
) -> None:
    """Ranks, clients and costs stand on such a page, as on that of ``federation``."""
    path = tmp_path / "across.toml"
    path.write_text(PARTITIONS, encoding="utf-8")
    costs = Costs(bytes_down=1000, bytes_up=500, gradients=60, personal_gradients=3)
    store = fill(
        str(path),
        methods=PERSONAL,
        made=made,
        clients=lambda cell, seed: clients(cell, seed).assign(client=range(2)),
        costs=costs,
    )
    for command in ("report", "export"):
        words = [command, str(path), "--store", str(store), "--out", str(tmp_path / "out")]
        words += ["--format", "parquet"] if command == "export" else []
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    assert assert_exported(tmp_path / "out" / "across.md", tmp_path / "out") > 80
    tables = {*pd.read_parquet(tmp_path / "out" / "printed.parquet")["table"]}
    assert tables == {"across", "chances", "clients", "costs"}


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
