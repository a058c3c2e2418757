import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.spec import Cell
from benchmark.store import read_run
from reports import compare, load_all, summary_text
from reports.published import published_curves, published_tables
from reports.rows import NOT_RUN
from reports.tables import entry, layout, reductions
from reports.verdicts import page
from tests.reports.conftest import loaded, printed

Fill = Callable[..., Path]
SWEEP = """
title = "Sweep"
table = 1
extends = "table1"
[[grid]]
dataset = ["mnist", "synthetic"]
model = ["mlr"]
algorithm = ["pfml"]
active_clients = [10]
hyper = { lam = [15.0, 99.0] }
[profiles.paper]
seeds = 2
rounds = 30
"""
MISPRINT = """
[[misprints]]
where.active_clients = [5]
printed = 10
why = "Read as five."
"""
PART = """
title = "Table 5's MLR column"
table = 5
extends = "table5"
grid = [{ dataset = ["synthetic"], model = ["mlr"], algorithm = ["pfml"], active_clients = [5] }]
"""


def test_published_numbers_and_curves_are_whole() -> None:
    assert len(published_tables()) == 86
    assert set(published_curves()["figure"]) == {"fig2", "fig3", "fig4"}


def test_all_twenty_numbers_of_table_1_find_their_cells(tiny: str, fill: Fill) -> None:
    store = fill(tiny)
    records = compare([tiny], store)
    assert len(records) == 20
    assert {r["verdict"] for r in records} == {"too few seeds"}
    for record in records:
        assert record["ours_mean"] == pytest.approx(record["paper_mean"])
        assert record["ours_std"] == pytest.approx(0.1 / 2**0.5)
        assert record["ours_high"] - record["ours_low"] == pytest.approx(12.7062 * 0.1, rel=1e-4)
        assert (record["seeds"], record["rounds"], record["reduction"]) == (2, 30, "best")
        cell = read_run(store / record["cell"] / "seed-0").cell
        assert cell.hyper.get("lam") == record["lam"]
        assert (cell.data.name, cell.model.name) == (record["dataset"], record["model"])


def test_a_number_says_who_else_would_pass_for_it_and_what_was_fitted(
    tiny: str, fill: Fill
) -> None:
    def made(cell: Cell, scores: str) -> float | None:
        """PFML's and local-only's clients keep what the paper prints of PFML's."""
        stand_in = cell.model_copy(update={"algorithm": "pfml"})
        return None if scores == "global" else printed(stand_in, scores)

    store = fill(tiny, methods=["pfml", "local"], made=made, seeds=range(3))
    found = {
        (r["dataset"], r["model"]): r
        for r in compare([tiny], store)
        if (r["algorithm"], r["scores"]) == ("pfml", "personal")
    }
    assert {r["verdict"] for r in found.values()} == {"reproduced"}
    assert {tuple(r["too"]) for r in found.values()} == {("local",)}
    assert {r["margin"] for r in found.values()} == {0.3}
    assert found["mnist", "dnn"]["fitted"] == []
    assert len(found["synthetic", "mlr"]["fitted"]) == 2
    fill(tiny, methods=["local"], made=lambda cell, scores: 0.5, seeds=range(3))
    assert {tuple(r["too"]) for r in compare([tiny], store)} == {()}


def test_a_stated_lambda_decides_which_cell_matches(tmp_path: Path, fill: Fill) -> None:
    sweep = tmp_path / "sweep.toml"
    sweep.write_text(SWEEP, encoding="utf-8")
    store = fill(str(sweep), methods=["pfml"])
    found = {
        (r["dataset"], r["model"], r["scores"]): r
        for r in compare([str(sweep)], store)
        if r["algorithm"] == "pfml"
    }
    mnist = found["mnist", "mlr", "personal"]
    assert (mnist["verdict"], mnist["lam"], mnist["variant"]) == ("too few seeds", 15.0, "λ=15")
    assert found["synthetic", "mlr", "personal"]["verdict"] == "not run"  # printed for λ = 20
    results = loaded(str(sweep), store)
    labels = [label for label, _ in layout(results).rows]
    assert "PFML (PM), λ=99" in labels


def test_a_misprint_puts_numbers_beside_cells_with_other_active_clients(
    tmp_path: Path, fill: Fill
) -> None:
    five = tmp_path / "five.toml"
    plain = SWEEP.replace("active_clients = [10]", "active_clients = [5, 10]")
    five.write_text(plain, encoding="utf-8")
    store = fill(str(five), methods=["pfml"])

    def stands_beside() -> set[tuple[int, bool]]:
        found = [r for r in compare([str(five)], store) if r["seeds"] and r["dataset"] == "mnist"]
        return {(r["active_clients"], r["misprint"] == "Read as five.") for r in found}

    assert stands_beside() == {(10, False)}
    five.write_text(plain + MISPRINT.replace("10", "7"), encoding="utf-8")
    assert stands_beside() == {(10, False)}  # nothing is printed of seven
    five.write_text(plain.replace("[5, 10]", "[5]") + MISPRINT, encoding="utf-8")
    assert stands_beside() == {(5, True)}
    results = loaded(str(five), store)
    assert layout(results).note.count("Read as five.") == 1
    assert "- Table 1, 2 numbers: Read as five." in page(results.rows)


def test_numbers_of_a_model_or_a_data_set_that_no_grid_has_are_left_out(tmp_path: Path) -> None:
    def shown(name: str) -> set[tuple[str, str]]:
        return {(r["dataset"], r["model"]) for r in compare([name], tmp_path / "empty")}

    part = tmp_path / "part.toml"
    part.write_text(PART, encoding="utf-8")
    assert shown(str(part)) == {("synthetic", "mlr")}
    assert shown("mnist_splits") == {("mnist", "mlr"), ("mnist", "dnn")}
    assert shown("table3") == {("synthetic", "mlr"), ("synthetic", "dnn"), ("synthetic", "mlr+dnn")}


def test_nothing_run_is_said_number_by_number(tiny: str, tmp_path: Path) -> None:
    records = compare([tiny], tmp_path / "empty")
    assert len(records) == 20
    assert {r["verdict"] for r in records} == {"not run"}
    assert {r["ours_mean"] for r in records} == {None}
    assert {r["seeds"] for r in records} == {0}


def test_records_are_strict_json(tiny: str, fill: Fill) -> None:
    store = fill(tiny, seeds=[3], methods=["pfml"])
    records = compare([tiny], store)
    assert json.loads(json.dumps(records, allow_nan=False)) == records
    ours = [r for r in records if r["algorithm"] == "pfml"]
    assert {r["ours_std"] for r in ours} == {None}
    assert {r["seeds"] for r in ours} == {1}


def test_the_reduction_is_the_protocols_and_is_named(tiny: str, fill: Fill) -> None:
    for protocol in ("as_run", "as_described"):
        fill(tiny, protocol, methods=["pfml"])
    store = fill(tiny, methods=["pfml"])
    both = {
        protocol: [r for r in compare([tiny], store, protocols=[protocol]) if r["seeds"]]
        for protocol in ("as_run", "as_described")
    }
    for best, last in zip(both["as_run"], both["as_described"], strict=True):
        assert (best["reduction"], last["reduction"]) == ("best", "last")
        assert best["ours_mean"] - last["ours_mean"] == pytest.approx(2.0)
    results = loaded(tiny, store)
    gaps = reductions(results.rows)
    assert gaps == pytest.approx({"best": 0.0, "last": 2.0, "last20": 2.0}, abs=1e-9)


def test_shorter_runs_are_partial_and_never_judged(tiny: str, fill: Fill) -> None:
    store = fill(tiny, profile="quick")
    records = compare([tiny], store, "quick")
    assert {r["verdict"] for r in records} == {"partial"}
    assert {r["difference"] for r in records} == {None}
    assert {(r["rounds"], r["full_rounds"]) for r in records} == {(10, 30)}
    text = summary_text(load_all([tiny], store, "quick"))
    assert "at round 10 of 30" in text
    assert "reproduced" not in text


def test_a_short_run_stands_in_as_partial_for_one_that_lacks(tiny: str, fill: Fill) -> None:
    store = fill(tiny, methods=["fedavg"])
    fill(tiny, profile="short", methods=["fedavg", "pfml"])
    records = compare([tiny], store)
    found = {(r["algorithm"], r["rounds"], r["verdict"]) for r in records}
    assert found == {
        ("fedavg", 30, "too few seeds"),
        ("pfml", 12, "partial"),
        ("pfedme", None, NOT_RUN),
    }
    assert {r["verdict"] for r in compare([tiny], store, "quick")} == {NOT_RUN}
    fill(tiny, profile="short", methods=["local"])
    shown = loaded(tiny, store).rows
    assert {entry(r).verdict for r in shown if r.series.algorithm == "local"} == {"partial"}
    both = load_all([tiny, "table2"], store, "paper")
    assert {each.experiment.name for each in both} == {"tiny"}


def test_a_method_the_grid_does_not_name_is_found_in_the_store(tiny: str, fill: Fill) -> None:
    store = fill(tiny, methods=["pfml", "mine_2"])
    text = summary_text(load_all([tiny], store, "paper"))
    assert "mine_2 (PM)" in text
    assert len(compare([tiny], store)) == 20


def test_evaluations_that_are_nan_are_left_out(tiny: str, fill: Fill) -> None:
    def made(cell: Cell, scores: str) -> float | None:
        return float("nan") if scores == "global" else 0.9

    store = fill(tiny, methods=["pfml"], made=made)
    found = [r for r in compare([tiny], store) if r["algorithm"] == "pfml"]
    assert {r["verdict"] for r in found if r["scores"] == "global"} == {"not run"}
    personal = [r["ours_mean"] for r in found if r["scores"] == "personal"]
    assert personal == pytest.approx([92.05] * 4)


def test_an_empty_store_names_itself_and_the_command(tiny: str, fill: Fill, tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"empty: no run .*python -m benchmark run table1"):
        load_all(["table1"], tmp_path / "empty", "paper")
    store = fill(tiny, profile="quick", methods=["pfml"])
    with pytest.raises(BenchmarkError, match="it has those of --profile quick"):
        load_all([tiny], store, "paper")
    with pytest.raises(BenchmarkError, match=r"no run .* under as_described"):
        load_all([tiny], store, "quick", ["as_run", "as_described"])


def test_columns_are_data_set_and_model(tiny: str, fill: Fill) -> None:
    store = fill(tiny)
    results = loaded(tiny, store)
    assert len(results.columns) == 4
    table = layout(results)
    assert table.columns == ["MNIST, MLR", "MNIST, DNN", "Synthetic, MLR", "Synthetic, DNN"]
    assert [label for label, _ in table.rows] == [
        *("FedAvg (GM)", "pFedMe (GM)", "pFedMe (PM)", "PFML (GM)", "PFML (PM)"),
        *("Per-FedAvg (GM)", "Per-FedAvg (PM)", "Local-only (PM)"),
    ]
    first = table.rows[0][1][0]
    assert first is not None
    assert first.paper == "91.87 ± 0.02"
    assert first.ours == "91.87 ± 0.07"
    assert first.difference == "+0.00"
    for said in ("Protocol as_run", "best over rounds", "Seeds: 2", "30 rounds"):
        assert said in table.note


def test_a_guests_row_names_all_its_settings(tmp_path: Path, tiny: str, fill: Fill) -> None:
    store = fill(tiny, methods=["pfml"])
    settings = {"E": 10, "eta": 0.01, "lam": 1.0, "order": "together"}
    fill(tiny, methods=["ditto"], made=lambda cell, scores: 0.5, hyper=settings)
    labels = [label for label, _ in layout(loaded(tiny, store)).rows]
    assert "Ditto (PM); E=10, η=0.01, λ=1, order=together" in labels
    assert "PFML (PM)" in labels
