"""The paper's own claims, held against our runs: who is above whom, what a setting changes."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from reports.local_only import LEVEL, p_label, tested
from reports.names import REDUCTION_TEXT, method_label
from reports.results import Results
from reports.rows import Row
from reports.settings import Setting, column_label, signed, sort_key
from reports.statistics import Paired, holm
from reports.sweeps import shapes

Side = tuple[str, str]
CLAIMS: tuple[tuple[Side, tuple[Side, ...]], ...] = (
    (
        ("pfml", "personal"),
        (("pfml", "global"), ("pfedme", "personal"), ("pfedme", "global"), ("fedavg", "global")),
    ),
    (("pfml", "global"), (("pfedme", "global"), ("fedavg", "global"))),
)
"""A method's scores, and the scores that the paper says are lower."""
HOW_TESTED = (
    "Claims: Student's t on differences paired over seeds, p adjusted by Holm over all pairs and "
    f"settings of a claim. Holds: every gap is above zero with p < {LEVEL:g}. Does not hold: a gap "
    f"is below zero with p < {LEVEL:g}. Open: neither. Robust: the same outcome under every "
    "reduction. Orders compare only means."
)


class Findings(NamedTuple):
    """What the paper's claims come to, one sentence each."""

    claims: list[str]
    """Sentences on who is above whom."""
    orders: list[str]
    """Sentences on the order of scores, or on the shapes of sweeps."""

    @property
    def sentences(self) -> list[str]:
        """All of them."""
        return [*self.claims, *self.orders]

    @property
    def how_tested(self) -> str:
        """How the claims were tested; empty where there is none."""
        return HOW_TESTED if self.claims else ""


class Test(NamedTuple):
    """One pair of a claim, tested; ``p`` adjusted by Holm."""

    setting: Setting
    """The column of both rows."""
    low: Row
    """The row that the claim says is lower."""
    test: Paired
    """The paired test."""
    p: float
    """The p-value, adjusted by Holm."""


def findings(results: Results) -> Findings:
    """What the paper's claims come to here; empty where it makes none."""
    printed = [row for row in results.rows if row.published is not None]
    if any(row.series.swept for row in printed):
        return Findings([], shapes(printed))
    return Findings(list(_claims(printed)), list(_orders(printed)))


def _claims(rows: Sequence[Row]) -> Iterator[str]:
    settings = _settings(rows)
    for above, others in CLAIMS:
        each = {name: _tests(rows, above, others, name) for name in REDUCTION_TEXT}
        tests = {name: found for name, found in each.items() if found}
        outcomes = [
            f"{column_label(setting, settings)}: {text}"
            for setting in settings
            if (text := _setting_outcome(setting, tests, rows[0].reduction))
        ]
        if outcomes:
            top, *most, final = (method_label(*side) for side in (above, *others))
            yield f"{top} above {', '.join(most)} and {final}. {'. '.join(outcomes)}."


def _tests(rows: Sequence[Row], above: Side, others: Sequence[Side], reduction: str) -> list[Test]:
    """Every pair of the claim with two common seeds, setting by setting."""
    found = [
        (setting, low, test)
        for setting in _settings(rows)
        for top in _of(rows, setting, (above,))
        for low in _of(rows, setting, others)
        if (test := tested(top, low, reduction)) is not None
    ]
    adjusted = holm([test.p for _, _, test in found])
    return [Test(*each, p) for each, p in zip(found, adjusted, strict=True)]


def _setting_outcome(setting: Setting, tests: Mapping[str, Sequence[Test]], reduction: str) -> str:
    """A claim's outcome in one setting, and whether it depends on the reduction."""
    here = {name: [t for t in each if t.setting == setting] for name, each in tests.items()}
    if not here.get(reduction):
        return ""
    words = {name: _word(each) for name, each in here.items()}
    others = [
        f"{REDUCTION_TEXT[name]}: {word}" for name, word in words.items() if name != reduction
    ]
    agree = "robust" if len(set(words.values())) == 1 else f"not robust: {', '.join(others)}"
    return f"{words[reduction]} ({_evidence(here[reduction], words[reduction])}; {agree})"


def _word(tests: Sequence[Test]) -> str:
    if all(each.test.mean > 0 and each.p < LEVEL for each in tests):
        return "holds"
    if any(each.test.mean < 0 and each.p < LEVEL for each in tests):
        return "does not hold"
    return "open"


def _evidence(tests: Sequence[Test], word: str) -> str:
    """The pair that decides: the least certain of an open claim, else the smallest gap."""
    if word == "open":
        decisive, which = max(tests, key=lambda each: each.p), "least certain"
    else:
        decisive, which = min(tests, key=lambda each: each.test.mean), "smallest"
    _, low, test, p = decisive
    gap = f"{which} gap {signed(test.mean)} pp, over {low.series.name}"
    return f"{gap}, {test.n} seeds, adjusted {p_label(p)}"


def _orders(rows: Sequence[Row]) -> Iterator[str]:
    """How many pairs of published scores stand in the same order here, setting by setting."""
    settings = _settings(rows)
    for setting in settings:
        here = [row for row in rows if row.setting == setting and row.difference is not None]
        agree, swapped = 0, []
        for row, other in combinations(here, 2):
            gap, ours = _gaps(row, other)
            if gap * ours > 0:
                agree += 1
            elif gap:
                high, low = (row, other) if gap > 0 else (other, row)
                swapped.append(
                    f"{high.series.name} over {low.series.name} (published {signed(abs(gap))}, "
                    f"ours {signed(-abs(ours))} pp)"
                )
        if agree or swapped:
            text = f"{column_label(setting, settings)}: the published order of scores holds in "
            text += f"{agree} of {agree + len(swapped)} pairs"
            yield text + (f"; not {'; '.join(swapped)}." if swapped else ".")


def _gaps(row: Row, other: Row) -> tuple[float, float]:
    """Published and ours of one row minus another's; both rows have both."""
    assert row.published is not None
    assert other.published is not None
    assert row.ours is not None
    assert other.ours is not None
    return row.published.mean - other.published.mean, row.ours.mean - other.ours.mean


def _of(rows: Sequence[Row], setting: Setting, sides: Sequence[Side]) -> list[Row]:
    """The rows of these scores in a setting that can be held against the published."""
    return [
        row
        for side in sides
        for row in rows
        if row.setting == setting
        and (row.series.algorithm, row.series.scores) == side
        and row.difference is not None
    ]


def _settings(rows: Sequence[Row]) -> list[Setting]:
    return sorted({row.setting for row in rows}, key=sort_key)
