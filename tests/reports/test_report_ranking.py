"""Which readings fit, by hand."""

import numpy as np
import pytest

from reports.curves import UNITS, Line, Panel
from reports.ranking import ranked, texts

ROUNDS = np.arange(4.0)


def line(label: str, off: float, level: float, scores: str = "personal") -> Line:
    values = np.full(4, level)
    paper = (ROUNDS, values)
    return Line(label, "pfml", scores, 1, ROUNDS, values + off, values, values, paper)


def panels(*near: tuple[str, float, float]) -> list[Panel]:
    """Accuracies around 90 %, losses around 0.5 nats, by variant."""
    accuracy, loss = UNITS["test_accuracy"], UNITS["train_loss"]
    return [
        Panel("(c) Synthetic, MLR", accuracy, 1, False, [line(n, a, 90) for n, a, _ in near]),
        Panel("(d) Synthetic, MLR", loss, 1, False, [line(n, b, 0.5) for n, _, b in near]),
    ]


FAR, NEAR = "PFML (PM), centre=previous, mutual=kl", "PFML (PM), centre=current, mutual=kl"
PEER = "PFML (PM), centre=current, mutual=kl, peer=fixed"
OTHER = "PFML (PM), centre=current, mutual=none"


def test_the_worse_of_accuracy_and_loss_decides() -> None:
    near = [(FAR, -0.6, 0.0), (NEAR, 0.15, -0.01), (OTHER, 0.0, 0.1), (PEER, 0.0, 0.25)]
    found = ranked(panels(*near))
    assert [one.measure for one in found] == pytest.approx([0.5, 2.0, 4.0, 10.0])
    assert [one.compatible for one in found] == [True, False, False, False]
    assert found[0][:2] == ("Synthetic, MLR", "PFML, centre=current, mutual=kl")
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
    hidden = [line("PFML (GM), mutual=kl", 0.1, 90, "global"), lone]
    assert ranked([accuracy._replace(lines=hidden)]) == []
    fedavg = line("FedAvg (GM), aggregation=uniform", 0.6, 90, "global")._replace(
        algorithm="fedavg"
    )
    (alone,) = ranked([accuracy._replace(lines=[*hidden, fedavg])])
    assert alone.variant == "FedAvg, aggregation=uniform"
    assert alone.measure == pytest.approx(2.0)
    (only,) = ranked([accuracy])
    assert texts([only])[0][2:] == ("0.10", "–", "–", "–", "0.33", "yes")


def test_global_models_are_shown_beside_those_that_rank() -> None:
    accuracy, loss = panels((NEAR, 0.1, 0.0))
    lines = [
        [*accuracy.lines, line(NEAR.replace("PM", "GM"), 6.0, 90, "global")],
        [*loss.lines, line(NEAR.replace("PM", "GM"), 0.05, 0.5, "global")],
    ]
    both = [p._replace(lines=own) for p, own in zip((accuracy, loss), lines, strict=True)]
    assert texts(ranked(both))[0][2:] == ("0.10", "0.0", "6.00", "10.0", "0.33", "yes")
