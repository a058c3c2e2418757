"""Which curves still rise at their end, so that more rounds might change a comparison."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from reports.equivalence import PRACTICAL
from reports.rows import Row
from reports.settings import Setting, short_labels

RULE = (
    "A curve has not flattened if its mean over the last fifth of the evaluations is more than "
    f"{PRACTICAL:g} pp above its mean over the fifth before; it is the mean over seeds of the "
    "accuracy on validation data, or on test data where none are kept for validation."
)


def rise(curve: ArrayLike) -> float:
    """The mean of the last fifth of a curve minus that of the fifth before.

    curve: (evaluations,), in order. A fifth has at least one evaluation; 0 for fewer than two.
    """
    values = np.asarray(curve, dtype=np.float64)
    part = max(1, len(values) // 5)
    if len(values) < 2:
        return 0.0
    return float(values[-part:].mean() - values[-2 * part : -part].mean())


def is_rising(row: Row) -> bool:
    """Whether the curve of a row's runs has not flattened."""
    if row.runs is None:
        return False
    made, scores = row.runs.made, row.runs.scores
    curve = made.curve(scores, "validation_accuracy")
    curve = made.curve(scores, "accuracy") if curve.empty else curve
    return rise(100 * curve.mean(axis=1)) > PRACTICAL


class Rising(NamedTuple):
    """The curves that have not flattened, as a page says it."""

    counted: str
    """``25 of 80 curves have not flattened``."""
    text: str
    """How many there are, and the rule."""
    named: str
    """Methods and their settings; empty where all curves have flattened."""


def rising(rows: Sequence[Row], among: Sequence[Setting]) -> Rising:
    """Which of the rows' curves have not flattened; rows without runs do not count."""
    run = [row for row in rows if row.runs and not row.runs.diverged]
    labels, found = short_labels(among), dict[str, list[str]]()
    for row in run:
        if is_rising(row):
            found.setdefault(row.series.label, []).append(labels[row.setting])
    counted = f"{sum(map(len, found.values()))} of {len(run)} curves have not flattened"
    if not found:
        return Rising(counted, f"All {len(run)} curves have flattened. {RULE}", "")
    named = "; ".join(f"{name}: {', '.join(places)}" for name, places in found.items())
    return Rising(
        counted, f"{counted}, so that more rounds might raise their numbers. {RULE}", named
    )
