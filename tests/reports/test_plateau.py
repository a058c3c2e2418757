"""Curves that still rise at their end, by hand."""

import pytest

from reports.plateau import is_rising, rise, rising
from reports.settings import Setting, short_labels
from tests.reports.conftest import Fill, loaded


def test_a_rise_is_the_last_fifth_against_the_fifth_before() -> None:
    # Ten evaluations: fifths are pairs, (3 + 5) / 2 − (2 + 2) / 2 = 2; the start does not matter.
    assert rise([90, -5, 7, 7, 0, 0, 2, 2, 3, 5]) == pytest.approx(2.0)
    assert rise([1, 4]) == 3.0
    assert rise([4]) == rise([]) == 0.0
    assert rise([2, 2, 2, 2, 2, 1]) == -1.0


@pytest.mark.parametrize(("step", "expected"), [(0.0, False), (0.0024, True), (0.0004, False)])
def test_a_curve_rises_that_gains_more_than_the_margin(
    tiny: str, fill: Fill, step: float, expected: bool
) -> None:
    """30 rounds, each ``step`` above the last: a fifth has six, so that the rise is 6 steps."""
    results = loaded(tiny, fill(tiny, methods=["local"], seeds=[0]))
    for made in results.made.values():
        for history in made.histories.values():
            history["personal_accuracy"] = 0.5 + step * history["round"]
    found = rising(results.main_rows, results.columns)
    assert {is_rising(row) for row in results.main_rows if row.runs} == {expected}
    assert found.named.startswith("Local-only (PM): ") == expected
    run = sum(row.runs is not None for row in results.main_rows)
    assert found.counted.startswith(f"{run if expected else 0} of {run} curves")


def test_labels_are_as_short_as_tells_columns_apart() -> None:
    def setting(dataset: str, partition: str) -> Setting:
        return Setting(dataset, "dnn", 10, f"20 clients, {partition}")

    shards, iid = setting("digits", "2 labels each, equal sizes"), setting("digits", "IID")
    assert list(short_labels([shards, iid]).values()) == ["2 labels each", "IID"]
    assert short_labels([iid]) == {iid: "Digits, DNN, 20 clients, IID"}
    other = setting("mnist", "IID")
    assert short_labels([shards, iid, other]) == {
        shards: "Digits 2 labels each",
        iid: "Digits IID",
        other: "MNIST IID",
    }
