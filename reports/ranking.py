"""Which readings of the paper its published curves allow: variants ranked by distance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from reports.curves import UNITS, Line, Panel, distances
from reports.names import METHODS

ACCURACY, LOSS = 0.3, 5.0
"""Percentage points and percent of the published loss up to which a reading is compatible."""
RULE = (
    "Ranked by the personalised models of each variant: mean |Δ| of test accuracy in units of "
    f"{ACCURACY:g} pp, and mean |Δ| of training loss in units of {LOSS:g} % of the published "
    "loss; the larger of the two is the measure. Compatible: at most 1. Global models swing too "
    "much from run to run to rank by; only FedAvg, which has no others, is ranked by its own. A "
    "reading is named by what it does not share with most."
)


class Ranked(NamedTuple):
    """One variant in one setting. accuracy: pp; loss: percent of the published, None if no
    curve of it is published; measure: the larger of both in units of what is compatible."""

    setting: str
    variant: str
    accuracy: float
    loss: float | None
    measure: float

    @property
    def compatible(self) -> bool:
        """Do the published curves allow it?"""
        return self.measure <= 1


def ranked(panels: Sequence[Panel]) -> list[Ranked]:
    """Every variant of every method with a published curve, the nearest first, by setting."""
    near: dict[tuple[str, str], dict[str, float]] = {}
    personal = {line.algorithm for p in panels for line in p.lines if line.scores == "personal"}
    for panel in panels:
        for line in panel.lines:
            by = "personal" if line.algorithm in personal else "global"
            if line.scores != by or line.paper is None:
                continue
            (distance,) = distances([panel._replace(lines=[line])]) or (None,)
            if distance is None:
                continue
            setting = panel.title.partition(") ")[2]
            measured = near.setdefault((setting, _variant(line)), {})
            if panel.unit == UNITS["test_accuracy"]:
                measured["accuracy"] = distance.mean
            else:
                measured["loss"] = 100 * distance.mean / float(np.mean(line.paper[1]))
    found = [
        Ranked(
            *key,
            values["accuracy"],
            values.get("loss"),
            max(values["accuracy"] / ACCURACY, values.get("loss", 0.0) / LOSS),
        )
        for key, values in near.items()
        if "accuracy" in values
    ]
    methods = list(METHODS.values())
    return sorted(found, key=lambda r: (r.setting, methods.index(_method(r)), r.measure))


def texts(found: Sequence[Ranked]) -> list[tuple[str, ...]]:
    """The table's rows; of a variant, what it does not share with most."""
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for one in found:
        groups.setdefault((one.setting, _method(one)), []).append(_settings(one))
    usual = {
        key: {
            name: Counter(v.get(name) for v in group).most_common(1)[0][0]
            for name in {name for v in group for name in v}
        }
        for key, group in groups.items()
    }
    return [
        (
            one.setting,
            _difference(one, usual[one.setting, _method(one)]),
            f"{one.accuracy:.2f}",
            "–" if one.loss is None else f"{one.loss:.1f}",
            f"{one.measure:.2f}",
            "yes" if one.compatible else "no",
        )
        for one in found
    ]


def _variant(line: Line) -> str:
    return line.label.replace(" (PM)", "").replace(" (GM)", "")


def _settings(one: Ranked) -> dict[str, str]:
    found = {}
    for part in one.variant.split(", ")[1:]:
        name, _, found[name] = part.partition("=")
    return found


def _difference(one: Ranked, usual: Mapping[str, str | None]) -> str:
    own = [f"{name} = {v}" for name, v in _settings(one).items() if usual[name] != v]
    return f"{_method(one)}: {', '.join(own) or 'the usual settings'}"


def _method(one: Ranked) -> str:
    return one.variant.partition(",")[0]
