"""Numbers of runs that an earlier file of a method made are marked everywhere."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.commands import app
from benchmark.spec.method_code import code_digest, file_digest
from reports import load_all, numbers, render, summary_text
from tests.benchmark.cases import EXPERIMENT, MINE
from tests.reports.conftest import Fill

CHANGED = "the method's file has changed since these runs were made"


def test_older_runs_are_marked_at_the_number_and_named_below(
    tiny: str, fill: Fill, tmp_path: Path
) -> None:
    fill(tiny, methods=["pfml", "local"], source="ab" * 32)
    results = load_all([tiny], fill(tiny, methods=["fedavg"]), "paper", ["as_run"])
    render(results, tmp_path / "out")
    for text in (
        summary_text(results, 200),
        *(path.read_text("utf-8") for path in (tmp_path / "out").glob("*.[mh]*")),
    ):
        assert f"† PFML, Local-only: {CHANGED}" in " ".join(text.replace("&#39;", "'").split())
        for line in text.splitlines():
            if "ours" in line and line.startswith("|") and "|:" not in line:
                assert ("†" in line) == ("FedAvg" not in line)
    assert "$\\dagger$" in (tmp_path / "out" / "tiny.tex").read_text("utf-8")
    table = numbers(results).dropna(subset="ours_mean")
    assert {*table[table["older"]]["algorithm"]} == {"pfml", "local"}
    assert {*table[~table["older"]]["algorithm"]} == {"fedavg"}


def test_a_figures_caption_names_them(fill: Fill, tmp_path: Path) -> None:
    store = fill("figure2", methods=["fedavg"], source="ab" * 32)
    render(load_all(["figure2"], store, "paper"), tmp_path / "out")
    assert f"† FedAvg: {CHANGED}" in (tmp_path / "out" / "figure2.md").read_text("utf-8")


def test_runs_of_todays_file_have_no_mark(tiny: str, fill: Fill) -> None:
    text = summary_text(load_all([tiny], fill(tiny), "paper"))
    assert "†" not in text
    assert CHANGED not in text


@pytest.mark.parametrize("is_marked", [True, False], ids=["code", "comment"])
def test_kept_runs_of_a_users_edited_method_are_marked(is_marked: bool, tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(EXPERIMENT, encoding="utf-8")
    mine = tmp_path / "mine.py"
    mine.write_text(MINE, encoding="utf-8")
    words = [str(tmp_path / "tiny.toml"), "--profile", "smoke", "--algorithm", str(mine)]
    words += ["--store", str(tmp_path / "runs")]

    def done(*command: str) -> str:
        result = CliRunner().invoke(app, list(command))
        assert result.exit_code == 0, result.output
        return result.output

    assert "†" not in done("run", *words, "--jobs", "1")
    made_by = file_digest(mine), code_digest(mine)
    changed = (
        MINE.replace("cohort.batches(2)", "cohort.batches(3)")
        if is_marked
        else f"{MINE}# a comment"
    )
    mine.write_text(changed, encoding="utf-8")
    assert file_digest(mine) != made_by[0]
    assert (code_digest(mine) != made_by[1]) == is_marked
    shown = done("run", *words, "--jobs", "1", "--keep-older")
    assert "0 jobs" in shown
    assert ("† mine" in shown) == is_marked
    assert ("† mine" in done("compare", *words)) == is_marked
    assert "†" not in done("compare", words[0], *words[1:3], *words[5:]), "nobody names the file"


def test_names_without_set_are_told_what_a_page_shows(tiny: str, fill: Fill) -> None:
    store = str(fill(tiny, methods=["pfml"]))
    done = CliRunner().invoke(app, ["report", tiny, "--store", store, "--model", "mlr"])
    assert done.exit_code == 2
    assert "--model mlr: a page shows every run" in done.stderr
