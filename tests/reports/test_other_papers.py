"""Numbers of other papers stand beside ours, marked, and get no verdict."""

from pathlib import Path

from benchmark.places import experiment_names
from reports.other_papers import READ, _every, lines, notes
from reports.rendering import render
from tests.reports.conftest import Fill, loaded


def test_each_number_has_an_experiment_whose_cells_it_is_about(make: Fill, tmp_path: Path) -> None:
    """With every run made, every number has one of ours beside it."""
    for name in {paper.experiment for paper in _every()}:
        assert name in experiment_names()
        store = make(tmp_path, name, name, methods=(), made=lambda cell, scores: 0.5)
        found = lines(loaded(name, store, protocol=name))
        assert found
        assert {line[3] for line in found} == {"50.05 ± 0.07"}, name


def test_what_is_recalled_says_so_and_has_no_verdict(make: Fill, tmp_path: Path) -> None:
    short = {"profile": "short", "methods": (), "made": lambda cell, scores: 0.5}
    results = loaded("fedrep", make(tmp_path, "fedrep", "fedrep", **short), protocol="fedrep")
    found = lines(results)
    assert {line[5] for line in found} == {READ["recalled"]}
    assert {line[4] for line in found if line[3] != "not run"} == {"at round 1 of 100"}
    assert {line[3] for line in found if "5 labels" in line[0]} == {"not run"}
    assert not results.has_published
    (page, *_) = render([results], tmp_path / "out")
    text = page.read_text(encoding="utf-8")
    assert "| 87.7 | 50.05 ± 0.07 | at round 1 of 100 | recalled, to be checked |" in text
    assert "reproduced" not in text.partition("Numbers of other papers")[2].partition("###")[0]
    assert "There are no verdicts" in notes(results)


def test_an_experiment_without_such_numbers_has_no_table(make: Fill, tmp_path: Path) -> None:
    results = loaded("table1", make(tmp_path, "table1", "as_run", "smoke"), "smoke")
    assert lines(results) == []
    assert notes(results) == ""
