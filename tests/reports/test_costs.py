"""Costs on a page: per client as counted, and until local-only is equalled, by hand."""

from pathlib import Path

import pandas as pd

from benchmark.spec import Cell
from benchmark.store import Costs
from reports import costs
from reports.alone import is_alone_for
from tests.benchmark.cases import cell
from tests.reports.conftest import Fill, loaded

COUNTED = Costs(bytes_down=1000, bytes_up=500, gradients=60, personal_gradients=3)


def made(cell: Cell, scores: str) -> float | None:
    """A round's accuracy, 2 points more at round 5; local-only's best is 0.82 with seed 0."""
    bases = {"pfml": 0.85, "perfedavg": 0.90, "pfedme": 0.80, "local": 0.80, "fedavg": 0.6}
    has_it = scores == ("global" if cell.algorithm == "fedavg" else "personal")
    return bases[cell.algorithm] if has_it else None


def rows(tiny: str, store: Path) -> dict[str, tuple[str, ...]]:
    found = costs.lines(loaded(tiny, store))
    return {row[1]: row[2:] for row in found if row[0].endswith("MNIST, MLR")}


def test_costs_stand_per_client_and_add_up_over_clients_and_rounds(tiny: str, fill: Fill) -> None:
    found = rows(tiny, fill(tiny, made=made, costs=COUNTED))
    counted = ("1.0", "0.5", "60")
    assert {row[:3] for row in found.values()} == {counted}
    # All 20 clients download and 10 send: 25 kB per round. Equal alone after the first one.
    assert found["PFML (PM)"][-2:] == ("1", f"{0.025:.2f}")
    assert found["pFedMe (PM)"][-2:] == ("6", f"{6 * 0.025:.2f}")
    # Only sampled clients train: no local-only of the same kind to be held against.
    assert found["Per-FedAvg (PM)"][-2:] == ("–", "–")
    assert found["FedAvg (GM)"][-2:] == ("–", "–")
    assert found["Local-only (PM)"][-2:] == ("–", "–")
    assert found["PFML (PM)"][3] == "3"
    assert found["FedAvg (GM)"][3] == "0"


def test_seeds_are_paired_and_those_that_never_get_there_are_counted() -> None:
    accuracies = {0: pd.Series([0.1, 0.5, 0.4], [0, 2, 4]), 1: pd.Series([0.1, 0.2], [0, 2])}
    assert costs.reached(accuracies, {0: 0.5, 1: 0.2}) == {0: 2, 1: 2}
    assert costs.reached(accuracies, {0: 0.05, 1: 0.3}) == {0: 0}


def test_a_tuned_method_is_held_against_local_only_with_settings_of_its_own() -> None:
    alone = cell({"algorithm": "local", "hyper.eta": 0.5})
    ours = cell({"algorithm": "ditto", "hyper.eta": 0.1})
    assert is_alone_for(alone, ours, tuned=True)
    assert not is_alone_for(alone, ours)
    assert not is_alone_for(alone, cell({"batch_size": 16}), tuned=True)


def test_runs_older_than_the_count_have_no_costs_and_no_picture(
    tiny: str, fill: Fill, tmp_path: Path
) -> None:
    results = loaded(tiny, fill(tiny, made=made))
    assert costs.lines(results) == []
    assert costs.draw(results, tmp_path / "costs") == []


def test_a_method_that_stays_below_local_only_is_said_to(tiny: str, fill: Fill) -> None:
    def worse(cell: Cell, scores: str) -> float | None:
        base = made(cell, scores)
        return base if base is None or cell.algorithm == "local" else base - 0.2

    found = rows(tiny, fill(tiny, made=worse, costs=COUNTED))
    assert found["PFML (PM)"][-2:] == ("not reached", "–")


def test_the_picture_has_a_panel_per_setting(tiny: str, fill: Fill, tmp_path: Path) -> None:
    drawn = costs.draw(loaded(tiny, fill(tiny, made=made, costs=COUNTED)), tmp_path / "costs")
    svgs = [f"costs-{number}.svg" for number in range(1, 5)]
    assert [path.name for path in drawn] == ["costs.png", *svgs]
    assert all(path.stat().st_size > 10_000 for path in drawn)
