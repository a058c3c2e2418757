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
    "loss; the larger of the two is the measure. Compatible: at most 1. Global models are shown, "
    "but swing too much from run to run to rank by; only FedAvg, which has no others, is ranked "
    "by its own. A reading is named by what it does not share with most."
)


class Gaps(NamedTuple):
    """From the published curves. accuracy: pp; loss: percent of the published; None where no
    curve of it is published."""

    accuracy: float | None = None
    loss: float | None = None

    @property
    def measure(self) -> float:
        """The larger of both in units of what is compatible."""
        return max((self.accuracy or 0.0) / ACCURACY, (self.loss or 0.0) / LOSS)


class Ranked(NamedTuple):
    """One variant in one setting: how far its models' curves are from the published."""

    setting: str
    variant: str
    personal: Gaps
    overall: Gaps

    @property
    def measure(self) -> float:
        """What it is ranked by."""
        return (self.overall if self.personal.accuracy is None else self.personal).measure

    @property
    def compatible(self) -> bool:
        """Do the published curves allow it?"""
        return self.measure <= 1


def ranked(panels: Sequence[Panel]) -> list[Ranked]:
    """Every variant of every method with a published curve, the nearest first, by setting."""
    near: dict[tuple[str, str], dict[str, Gaps]] = {}
    for panel in panels:
        for line in panel.lines:
            (off,) = distances([panel._replace(lines=[line])]) or (None,)
            if off is None or line.paper is None:
                continue
            setting = panel.title.partition(") ")[2]
            found = near.setdefault((setting, _variant(line)), {})
            sofar = found.get(line.scores, Gaps())
            if panel.unit == UNITS["test_accuracy"]:
                found[line.scores] = sofar._replace(accuracy=off.mean)
            else:
                share = 100 * off.mean / float(np.mean(line.paper[1]))
                found[line.scores] = sofar._replace(loss=share)
    rows = [
        Ranked(*key, found.get("personal", Gaps()), found.get("global", Gaps()))
        for key, found in near.items()
    ]
    personal = {_method(_variant(x)) for p in panels for x in p.lines if x.scores == "personal"}
    complete = [
        row
        for row in rows
        if (row.personal if _method(row.variant) in personal else row.overall).accuracy is not None
    ]
    methods = list(METHODS.values())
    return sorted(complete, key=lambda r: (r.setting, methods.index(_method(r.variant)), r.measure))


def texts(found: Sequence[Ranked]) -> list[tuple[str, ...]]:
    """The table's rows; of a variant, what it does not share with most."""
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for one in found:
        groups.setdefault((one.setting, _method(one.variant)), []).append(_settings(one))
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
            _difference(one, usual[one.setting, _method(one.variant)]),
            *(
                "–" if value is None else f"{value:.{digits}f}"
                for off in (one.personal, one.overall)
                for value, digits in zip(off, (2, 1), strict=True)
            ),
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
    return f"{_method(one.variant)}: {', '.join(own) or 'the usual settings'}"


def _method(variant: str) -> str:
    return variant.partition(",")[0]
