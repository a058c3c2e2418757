"""The README's claims, run."""

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import benchmark.grid
from benchmark.__main__ import RENDERED, app
from benchmark.grid import ALGORITHMS

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
    (house / "fedprox.py").write_text(blocks("python")[0], encoding="utf-8")
    for module in (benchmark.grid, __import__("benchmark.methods", fromlist=["methods"])):
        monkeypatch.setattr(module, "ALGORITHMS", house)
    command = ["run", "table1", "--profile", "smoke", "--algorithm", "fedprox"]
    result = CliRunner().invoke(app, [*command, "--jobs", "1", "--store", str(tmp_path / "runs")])
    assert result.exit_code == 0, result.output
    assert "fedprox (GM)" in result.output


def test_every_file_linked_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_headline_is_the_rendered_table() -> None:
    """The README's table stands, to the letter, in the page made from the committed results."""
    headline = README.split("## The headline")[1].split("![Figure 2]")[0]
    lines = headline.splitlines()
    table = [line for line in lines if line.startswith("|")]
    said = [line for line in lines if line.startswith(("Protocol ", "Verdicts: ", "Mean |Δ|"))]
    rendered = (RENDERED / "table1.md").read_text(encoding="utf-8")
    assert len(table) > 5
    assert "\n".join(table) in rendered
    assert len(said) == 3
    assert all(line in rendered.splitlines() for line in said)


def test_the_verdicts_are_the_rendered_ones() -> None:
    part = README.split("<!-- verdicts")[1].split("What the paper claims")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    page = (RENDERED / "verdicts.md").read_text(encoding="utf-8")
    assert len(lines) > 5
    assert "\n".join(lines).replace("reports/rendered/", "") in page


def test_the_rendered_pages_are_those_of_the_committed_results(tmp_path: Path) -> None:
    command = next(line for line in blocks("sh")[2].splitlines() if " report " in line)
    words = command.split("#")[0].split()[3:]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    pages = {path.name for path in RENDERED.glob("*.md")} - {"speed.md"}
    assert pages == {path.name for path in tmp_path.glob("*.md")}
    for name in [*pages, "table1.tex"]:
        assert (tmp_path / name).read_text("utf-8") == (RENDERED / name).read_text("utf-8"), name
