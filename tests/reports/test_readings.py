"""Which readings fit, by hand."""

import numpy as np
import pytest

from benchmark.spec import Scalar
from reports.curves import Line, Panel
from reports.readings import Reading, ranked, texts
from reports.settings import Series, Setting

ROUNDS = np.arange(4.0)
HERE = Setting("synthetic", "mlr", 10, None)
Settings = dict[str, Scalar]
FAR: Settings = {"centre": "previous", "mutual": "kl"}
NEAR: Settings = {"centre": "current", "mutual": "kl"}
PEER: Settings = NEAR | {"peer": "fixed"}
OTHER: Settings = {"centre": "current", "mutual": "none"}


def line(swept: Settings, off: float, level: float, scores: str = "personal") -> Line:
    values = np.full(4, level)
    series = Series("pfml", scores, tuple(swept.items()))
    return Line(series, "any", 1, ROUNDS, values + off, values, values, paper=(ROUNDS, values))


def panels(*near: tuple[Settings, float, float]) -> list[Panel]:
    """Accuracies around 90 %, losses around 0.5 nats, by variant."""
    accuracies = [line(swept, off, 90) for swept, off, _ in near]
    losses = [line(swept, off, 0.5) for swept, _, off in near]
    return [
        Panel(HERE, "test_accuracy", "(c)", 1, False, accuracies),
        Panel(HERE, "train_loss", "(d)", 1, False, losses),
    ]


def test_the_worse_of_accuracy_and_loss_decides() -> None:
    near = [(FAR, -0.6, 0.0), (NEAR, 0.15, -0.01), (OTHER, 0.0, 0.1), (PEER, 0.0, 0.25)]
    found = ranked(panels(*near))
    assert [one.measure for one in found] == pytest.approx([0.5, 2.0, 4.0, 10.0])
    assert [one.is_compatible for one in found] == [True, False, False, False]
    assert found[0].reading == Reading("Synthetic, MLR", "pfml", tuple(NEAR.items()))
    assert found[0].personal == pytest.approx((0.15, 2.0))
    assert found[0].overall == (None, None)
    assert [row[1] for row in texts(found)] == [
        "PFML: the usual settings",
        "PFML: centre = previous",
        "PFML: mutual = none",
        "PFML: peer = fixed",
    ]


def test_global_models_and_lines_without_a_published_curve_do_not_rank() -> None:
    (accuracy, _) = panels((NEAR, 0.1, 0.0))
    lone = accuracy.lines[0]._replace(paper=None)
    hidden = [line({"mutual": "kl"}, 0.1, 90, "global"), lone]
    assert ranked([accuracy._replace(lines=hidden)]) == []
    uniform = Series("fedavg", "global", (("aggregation", "uniform"),))
    fedavg = line({}, 0.6, 90)._replace(series=uniform)
    (alone,) = ranked([accuracy._replace(lines=[*hidden, fedavg])])
    assert (alone.reading.algorithm, alone.reading.swept) == ("fedavg", uniform.swept)
    assert alone.measure == pytest.approx(2.0)
    (only,) = ranked([accuracy])
    assert texts([only])[0][2:] == ("0.10", "–", "–", "–", "0.33", "yes")


def test_global_models_are_shown_beside_those_that_rank() -> None:
    accuracy, loss = panels((NEAR, 0.1, 0.0))
    lines = [
        [*accuracy.lines, line(NEAR, 6.0, 90, "global")],
        [*loss.lines, line(NEAR, 0.05, 0.5, "global")],
    ]
    both = [p._replace(lines=own) for p, own in zip((accuracy, loss), lines, strict=True)]
    assert texts(ranked(both))[0][2:] == ("0.10", "0.0", "6.00", "10.0", "0.33", "yes")


def test_a_new_display_name_changes_no_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = panels((FAR, -0.6, 0.0), (NEAR, 0.15, -0.01))
    before = [one.reading.swept for one in ranked(drawn)]
    monkeypatch.setattr("reports.readings.method_name", lambda _: "P, F = (PM) ML")
    found = ranked([panel._replace(title="no letter") for panel in drawn])
    assert [one.reading.swept for one in found] == before
    assert texts(found)[0][1] == "P, F = (PM) ML: the usual settings"
