"""The paper's claims, its orders and its contradictions."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.spec import Cell
from reports.claims import findings
from reports.inconsistencies import page, repeated
from reports.published import published_tables
from reports.results import load_all

Fill = Callable[..., Path]
Made = Callable[[Cell, str], float | None]


def found(experiment: str, store: Path) -> list[str]:
    (results,) = load_all([experiment], store, "paper", ["as_run"])
    return findings(results).sentences


def made(**values: float) -> Made:
    """Percent by method and scores, such as pfml_personal."""

    def base(cell: Cell, scores: str) -> float | None:
        percent = values.get(f"{cell.algorithm}_{scores}")
        return None if percent is None else percent / 100

    return base


FIVE = {
    "pfml_personal": 96.0,
    "pfml_global": 92.0,
    "pfedme_personal": 93.0,
    "pfedme_global": 91.0,
    "fedavg_global": 90.0,
}


def test_claims_that_hold(tiny: str, fill: Fill) -> None:
    first, second, *orders = found(tiny, fill(tiny, made=made(**FIVE), seeds=range(3)))
    assert first.startswith("PFML (PM) above PFML (GM), pFedMe (PM), pFedMe (GM) and FedAvg (GM).")
    assert second.startswith("PFML (GM) above pFedMe (GM) and FedAvg (GM).")
    for sentence, gap in ((first, "+3.00"), (second, "+1.00")):
        assert "does not hold" not in sentence
        assert "open" not in sentence
        assert f"holds (smallest gap {gap} pp, over pFedMe" in sentence
    assert all("pairs" in sentence for sentence in orders)


def test_how_claims_were_tested_is_said_where_there_are_claims(tiny: str, fill: Fill) -> None:
    (several,) = load_all(
        [tiny], fill(tiny, made=made(**FIVE), seeds=range(3)), "paper", ["as_run"]
    )
    assert findings(several).how_tested.startswith("Claims: ")
    (sweep,) = load_all(["table5"], fill("table5", methods=["pfml"]), "paper", ["as_run"])
    assert findings(sweep).how_tested == ""


def test_a_claim_that_does_not_hold(tiny: str, fill: Fill) -> None:
    swapped = FIVE | {"pfml_global": 90.5}
    _, second, *orders = found(tiny, fill(tiny, made=made(**swapped), seeds=range(3)))
    assert "does not hold (smallest gap −0.50 pp, over pFedMe (GM), 3 seeds" in second
    assert any("not PFML (GM) over pFedMe (GM) (published +" in sentence for sentence in orders)


def test_one_seed_decides_no_claim(tiny: str, fill: Fill) -> None:
    assert all(
        "pairs" in sentence for sentence in found(tiny, fill(tiny, made=made(**FIVE), seeds=[0]))
    )


def test_how_far_a_sweep_spreads(fill: Fill) -> None:
    def base(cell: Cell, scores: str) -> float | None:
        lam = cell.hyper["lam"]
        assert isinstance(lam, float)
        return 0.9 + lam / 10_000

    lines = found("table5", fill("table5", methods=["pfml"], made=base))
    assert len(lines) == 4
    for line in lines:
        assert "over λ from 10 to 40 our means lie within 0.30 pp of each other" in line
    assert "the published within 0.49 pp" in next(x for x in lines if "MLR, PFML (PM)" in x)


def test_numbers_printed_twice() -> None:
    rows = repeated()
    assert rows["gap"].is_monotonic_decreasing
    top = rows.iloc[0]
    assert (top["dataset"], top["model"], top["scores"]) == ("synthetic", "mlr", "global")
    assert top["values"] == {1: 79.58, 6: 80.36}
    assert top["gap"] == pytest.approx(0.78)
    assert "| Synthetic, MLR, 10 active, λ = 20, β = 2, K = 3 | PFML (GM) |" in page()


def test_what_is_said_of_table_3() -> None:
    cells = published_tables().query("algorithm == 'pfml' and dataset == 'synthetic'")

    def mean(table: int, model: str, lam: float, scores: str) -> float:
        row = cells.query(
            "table == @table and model == @model and lam == @lam and scores == @scores"
        )
        return float(row["mean"].iloc[0])

    for scores in ("global", "personal"):
        assert mean(3, "mlr", 20, scores) == mean(5, "mlr", 20, scores)
    assert mean(3, "dnn", 30, "personal") == mean(5, "dnn", 30, "personal") == 94.61
    assert mean(3, "dnn", 30, "global") == mean(5, "dnn", 10, "global") == 84.71
    assert mean(5, "dnn", 30, "global") == 84.68
