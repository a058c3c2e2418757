"""Counts of verdicts, by hand."""

from collections.abc import Callable
from pathlib import Path

from benchmark.spec import Cell
from reports import render
from reports.results import load_all
from reports.verdicts import page, table

Fill = Callable[..., Path]


def test_every_number_is_counted_once(fill: Fill) -> None:
    def off(cell: Cell, scores: str) -> float | None:
        return 0.9 if scores == "personal" else 0.5

    (results,) = load_all(["table5"], fill("table5", methods=["pfml"], made=off), "paper")
    lines = table(results.rows).splitlines()
    assert lines[0].startswith("| table | numbers | reproduced | within 0.5 pp |")
    (line,) = (line for line in lines if "[Table 5]" in line)
    counts = [int(place) for place in line.split("|")[2:9]]
    assert counts[0] == 16
    assert sum(counts[1:]) == 16
    assert counts[5] >= 8  # the global models are 30 points off
    everything = [int(place) for place in lines[-1].split("|")[2:9]]
    assert everything[0] == 86
    assert everything[1:6] == counts[1:6]
    assert everything[6] == 70 + counts[6]
    assert "| Table 2 | 10 | 0 | 0 | 0 | 0 | 0 | 10 | 0 | – |" in lines


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
    alone = {path.name for path in render(load_all(["table5"], store, "paper"), tmp_path / "one")}
    assert not {"verdicts.md", "inconsistencies.md"} & alone
