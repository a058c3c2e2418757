"""Counts of verdicts, by hand."""

from collections.abc import Callable
from pathlib import Path

from benchmark.spec import Cell
from reports import render
from reports.results import load_all
from reports.verdicts import HEADINGS, counted, page

Fill = Callable[..., Path]


def test_every_number_is_counted_once(fill: Fill) -> None:
    def off(cell: Cell, scores: str) -> float | None:
        return 0.9 if scores == "personal" else 0.5

    store = fill("table5", methods=["pfml"], made=off, seeds=range(3))
    (results,) = load_all(["table5"], store, "paper")
    lines = {line[0]: dict(zip(HEADINGS, line, strict=True)) for line in counted(results.rows)}
    table5 = lines["[Table 5](table5.md)"]
    assert (table5["numbers"], table5["distinct"], table5["seeds"]) == ("16", "16", "3")
    judged = sum(int(table5[name]) for name in ("reproduced", "open", "differs", "no verdict"))
    assert judged == 16
    assert int(table5["differs"]) >= 8  # the global models are 30 points off
    assert lines["all"]["numbers"] == "86"
    assert int(lines["all"]["no verdict"]) == 70 + int(table5["no verdict"])
    assert lines["Table 2"]["no verdict"] == "10"
    parts = [lines[f"of these {kind}"] for kind in ("fitted", "predicted")]
    assert [part["numbers"] for part in parts] == ["16", "0"]


def test_a_run_that_two_tables_print_counts_once(fill: Fill) -> None:
    store = fill("table5", methods=["pfml"])
    fill("table6", methods=["pfml"])
    rows = [row for each in load_all(["table5", "table6"], store, "paper") for row in each.rows]
    lines = {line[0]: dict(zip(HEADINGS, line, strict=True)) for line in counted(rows)}
    # MLR with five active clients, lambda 20 and beta 2: GM and PM.
    assert lines["of these fitted"]["numbers"] == "32"
    assert lines["of these fitted"]["distinct"] == "30"


def test_the_page_names_every_miss_and_everything_that_lacks(fill: Fill) -> None:
    def off(cell: Cell, scores: str) -> float | None:
        return 0.5 if scores == "global" and cell.hyper["lam"] == 10.0 else 0.9

    (results,) = load_all(["table5"], fill("table5", methods=["pfml"], made=off), "paper")
    rows = results.rows
    misses, lacks = page(rows).split("## More than 0.3 pp away")[1].split("## Not yet")
    far = [r for r in rows if r.difference is not None and abs(r.difference) > 0.3]
    lines = [line for line in misses.splitlines() if line.startswith("| 5 |")]
    assert len(lines) == len(far)
    assert "Synthetic, DNN, 10 active, PFML (GM), λ=10" in lines[0]  # the furthest first
    assert "Table 5: 2 of 5 seeds: Synthetic, MLR, 5 active, PFML (GM), λ=10; " in lacks


def test_a_check_of_a_table_shows_its_numbers_and_is_not_counted(
    fill: Fill, tmp_path: Path
) -> None:
    def off(cell: Cell, scores: str) -> float | None:
        return 0.1 if cell.partition.kind == "label_groups" else 0.9

    fill("table1", made=off)
    names, store = ["mnist_splits", "table1", "table5"], fill("mnist_splits", made=off)
    fill("table5", methods=["pfml"])
    render(load_all(names, store, "paper"), tmp_path / "with")
    check = (tmp_path / "with" / "mnist_splits.md").read_text(encoding="utf-8")
    assert "paper 98.65 ± 0.01" in check
    assert "Synthetic" not in check
    render(load_all(names[1:], store, "paper"), tmp_path / "without")
    counted, alone = (
        (tmp_path / out / "verdicts.md").read_text(encoding="utf-8") for out in ("with", "without")
    )
    assert counted == alone


def test_the_page_is_written_for_several_tables(fill: Fill, tmp_path: Path) -> None:
    fill("table5", methods=["pfml"])
    store = fill("table6", methods=["pfml"])
    written = render(load_all(["table5", "table6"], store, "paper"), tmp_path / "out")
    names = {path.name for path in written}
    assert {"verdicts.md", "inconsistencies.md"} <= names
    assert {"overview.png", "overview-synthetic.svg"} <= names
