"""Which readings of the paper its published curves allow: variants ranked by distance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchmark.spec import Scalar
from reports.curves import Line, Panel, distance
from reports.names import data_label, method_name, method_rank, setting_labels

ACCURACY, LOSS = 0.3, 5.0
"""Percentage points and percent of the published loss up to which a reading is compatible."""
RULE = (
    "Ranked by the personalised models of each variant: mean |Δ| of test accuracy in units of "
    f"{ACCURACY:g} pp, and mean |Δ| of training loss in units of {LOSS:g} % of the published "
    "loss; the larger of the two is the measure. Compatible: at most 1. Global models are shown, "
    "but vary too much between runs to rank by; only FedAvg, which has no others, is ranked by its "
    "global model. A reading is named by the settings in which it differs from most."
)


class Gaps(NamedTuple):
    """Distances from the published curves; None where no curve is published."""

    accuracy: float | None = None
    """Mean |Δ| of test accuracy in percentage points."""
    loss: float | None = None
    """Mean |Δ| of training loss in percent of the published loss."""

    @property
    def measure(self) -> float:
        """The larger of both, in units of the largest compatible distance."""
        return max((self.accuracy or 0.0) / ACCURACY, (self.loss or 0.0) / LOSS)


class Reading(NamedTuple):
    """One variant of a method in one setting."""

    setting: str
    """Data set and model in words."""
    algorithm: str
    """Name of the method."""
    swept: tuple[tuple[str, Scalar], ...]
    """The settings that tell the variant from others."""


class Ranked(NamedTuple):
    """How far the curves of a variant's models are from the published ones."""

    reading: Reading
    """The variant."""
    personal: Gaps
    """Distances of its personalised models."""
    overall: Gaps
    """Distances of its global model."""

    @property
    def measure(self) -> float:
        """What the variant is ranked by."""
        return (self.overall if self.personal.accuracy is None else self.personal).measure

    @property
    def is_compatible(self) -> bool:
        """True if the published curves allow the variant."""
        return self.measure <= 1


def ranked(panels: Sequence[Panel]) -> list[Ranked]:
    """Every variant of every method with a published curve, the nearest first, by setting."""
    near: dict[Reading, dict[str, Gaps]] = {}
    for panel in panels:
        where = data_label(panel.setting.dataset, panel.setting.model)
        for line in panel.lines:
            off = distance(panel, line)
            if off is None or line.paper is None:
                continue
            reading = Reading(where, line.series.algorithm, line.series.swept)
            gaps = near.setdefault(reading, {})
            sofar = gaps.get(line.series.scores, Gaps())
            if panel.metric == "test_accuracy":
                gaps[line.series.scores] = sofar._replace(accuracy=off.mean)
            else:
                share = 100 * off.mean / float(np.mean(line.paper[1]))
                gaps[line.series.scores] = sofar._replace(loss=share)
    every = [
        Ranked(reading, gaps.get("personal", Gaps()), gaps.get("global", Gaps()))
        for reading, gaps in near.items()
    ]
    lines = [line for panel in panels for line in panel.lines]
    return sorted((one for one in every if _is_complete(one, lines)), key=_rank)


def _is_complete(one: Ranked, lines: Sequence[Line]) -> bool:
    """True if an accuracy is published of the models that the method is ranked by."""
    personal = {line.series.algorithm for line in lines if line.series.scores == "personal"}
    gaps = one.personal if one.reading.algorithm in personal else one.overall
    return gaps.accuracy is not None


def _rank(one: Ranked) -> tuple[str, int, str, float]:
    return one.reading.setting, *method_rank(one.reading.algorithm), one.measure


def texts(found: Sequence[Ranked]) -> list[tuple[str, ...]]:
    """The table's rows; a variant is named by the settings in which it differs from most."""
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for one in found:
        groups.setdefault(one.reading[:2], []).append(setting_labels(dict(one.reading.swept)))
    usual = {
        key: {
            name: Counter(variant.get(name) for variant in group).most_common(1)[0][0]
            for name in {name for variant in group for name in variant}
        }
        for key, group in groups.items()
    }
    return [
        (
            one.reading.setting,
            _difference(one.reading, usual[one.reading[:2]]),
            *(
                "–" if value is None else f"{value:.{digits}f}"
                for off in (one.personal, one.overall)
                for value, digits in zip(off, (2, 1), strict=True)
            ),
            f"{one.measure:.2f}",
            "yes" if one.is_compatible else "no",
        )
        for one in found
    ]


def _difference(reading: Reading, usual: Mapping[str, str | None]) -> str:
    labels = setting_labels(dict(reading.swept))
    parts = [f"{name} = {value}" for name, value in labels.items() if usual[name] != value]
    method = method_name(reading.algorithm)
    return f"{method}: {', '.join(parts) or 'the usual settings'}"
