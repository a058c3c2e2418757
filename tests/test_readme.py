"""Run the claims of the README."""

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark import places
from benchmark.cli.commands import app
from benchmark.engine.methods import load_method
from benchmark.jobs.request import Request
from benchmark.places import ALGORITHMS, RENDERED, experiment_names
from benchmark.spec import load_experiment
from reports.readme import BLOCK, KEPT, refreshed

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_first_two_commands_set_up_and_run_in_one_line_each() -> None:
    first, second = (block.strip() for block in blocks("sh")[:2])
    assert "\n" not in first
    assert "\n" not in second
    assert "benchmark run table1 digits --profile quick" in first
    assert second.endswith("-m pytest")


def test_the_baseline_shown_runs_when_dropped_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = tmp_path / "algorithms"
    shutil.copytree(ALGORITHMS, house, ignore=shutil.ignore_patterns("__pycache__"))
    (house / "fedavgm.py").write_text(blocks("python")[0], encoding="utf-8")
    monkeypatch.setattr(places, "ALGORITHMS", house)
    command = ["run", "table1", "--profile", "smoke", "--algorithm", "fedavgm"]
    result = CliRunner().invoke(app, [*command, "--jobs", "1", "--store", str(tmp_path / "runs")])
    assert result.exit_code == 0, result.output
    assert re.search(r"fedavgm \(GM\)|FedAvgM \(GM\)", result.output)


def test_the_baseline_shown_has_a_cell_in_every_experiment(tmp_path: Path) -> None:
    path = tmp_path / "fedavgm.py"
    path.write_text(blocks("python")[0], encoding="utf-8")
    method = load_method(str(path))
    for name in experiment_names():
        request = Request(experiments=(load_experiment(name),), algorithms=(str(path),))
        found = [cell for cell, _ in request.wanted()]
        assert found
        assert all(method.resolve(cell.hyper) for cell in found)


def test_every_file_linked_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_its_tables_are_those_of_the_rendered_pages() -> None:
    """They are equal to the letter; `python -m reports.readme` brings them up to date."""
    found = {match[2]: match[4] for match in BLOCK.finditer(README)}
    assert {name: body.count("\n|") > 5 for name, body in found.items()} == dict.fromkeys(
        KEPT, True
    )
    assert refreshed(README) == README
    assert refreshed(README.replace("pp |", "points |")) == README


def test_the_rendered_pages_are_those_of_the_committed_results(tmp_path: Path) -> None:
    command = next(line for line in blocks("sh")[2].splitlines() if " report " in line)
    words = command.split("#")[0].split()[3:]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    pages = {path.name for path in RENDERED.glob("*.md")} - {"speed.md"}
    assert pages == {path.name for path in tmp_path.glob("*.md")}
    for name in [*pages, "table1.tex"]:
        assert (tmp_path / name).read_text("utf-8") == (RENDERED / name).read_text("utf-8"), name
