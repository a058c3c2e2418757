"""The paper's own claims, held against our runs: who is above whom, what a setting changes."""

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby
from typing import NamedTuple

from reports.local_only import LEVEL, p_label, tested
from reports.names import SYMBOLS as SIGNS
from reports.names import data_label, method_label
from reports.results import Results
from reports.rows import SYMBOLS, Row
from reports.settings import Setting, column_label, signed, sort_key
from reports.statistics import Paired, holm

Side = tuple[str, str]
CLAIMS: tuple[tuple[Side, tuple[Side, ...]], ...] = (
    (
        ("pfml", "personal"),
        (("pfml", "global"), ("pfedme", "personal"), ("pfedme", "global"), ("fedavg", "global")),
    ),
    (("pfml", "global"), (("pfedme", "global"), ("fedavg", "global"))),
)
"""A method's scores, and those that the paper says they are above."""
HOW_TESTED = (
    "Claims: Student's t on differences paired over seeds, p adjusted by Holm over all pairs and "
    f"settings of a claim; holds: every gap above zero with p < {LEVEL:g}; does not hold: one "
    "below zero with such a p; else open. Orders compare means alone."
)


class Findings(NamedTuple):
    """What the paper's claims come to, one sentence each."""

    claims: list[str]
    orders: list[str]

    @property
    def sentences(self) -> list[str]:
        """All of them."""
        return [*self.claims, *self.orders]

    @property
    def how_tested(self) -> str:
        """How the sentences about claims were come by; empty where there is none."""
        return HOW_TESTED if self.claims else ""


class Test(NamedTuple):
    """One pair of a claim, tested; ``p`` adjusted by Holm."""

    setting: Setting
    low: Row
    test: Paired
    p: float


def findings(results: Results) -> Findings:
    """What the paper's claims come to here; empty where it makes none."""
    printed = [row for row in results.rows if row.published is not None]
    if any(row.series.swept for row in printed):
        return Findings([], list(_spreads(printed)))
    return Findings(list(_claims(printed)), list(_orders(printed)))


def _claims(rows: Sequence[Row]) -> Iterator[str]:
    settings = _settings(rows)
    for above, others in CLAIMS:
        tests = _tests(rows, above, others)
        here = {
            setting: [test for test in tests if test.setting == setting] for setting in settings
        }
        outcomes = [
            f"{column_label(setting, settings)}: {_outcome(found)}"
            for setting, found in here.items()
            if found
        ]
        if outcomes:
            top, *most, final = (method_label(*side) for side in (above, *others))
            yield f"{top} above {', '.join(most)} and {final}. {'. '.join(outcomes)}."


def _tests(rows: Sequence[Row], above: Side, others: Sequence[Side]) -> list[Test]:
    """Every pair of the claim with two common seeds, setting by setting."""
    found = [
        (setting, low, test)
        for setting in _settings(rows)
        for top in _of(rows, setting, (above,))
        for low in _of(rows, setting, others)
        if (test := tested(top, low)) is not None
    ]
    adjusted = holm([test.p for _, _, test in found])
    return [Test(*each, p) for each, p in zip(found, adjusted, strict=True)]


def _outcome(here: Sequence[Test]) -> str:
    if all(each.test.mean > 0 and each.p < LEVEL for each in here):
        word = "holds"
    elif any(each.test.mean < 0 and each.p < LEVEL for each in here):
        word = "does not hold"
    else:
        word = "open"
    if word == "open":  # the pair that leaves it open
        decisive, which = max(here, key=lambda each: each.p), "least certain"
    else:
        decisive, which = min(here, key=lambda each: each.test.mean), "smallest"
    _, low, test, p = decisive
    gap = f"{which} gap {signed(test.mean)} pp, over {low.series.name}"
    return f"{word} ({gap}, {test.n} seeds, adjusted {p_label(p)})"


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


def _spreads(rows: Sequence[Row]) -> Iterator[str]:
    """How far apart the means of a sweep lie: small is insensitive."""

    def key(row: Row) -> tuple[str, str, int, str]:
        setting = row.setting
        return setting.dataset, setting.model, setting.active_clients or 0, row.series.scores

    for _, group in groupby(sorted(rows, key=key), key=key):
        here = [row for row in group if row.ours and row.published]
        varied = [s for s in SYMBOLS if len({getattr(row.symbols, s) for row in here}) > 1]
        if not varied or any(row.difference is None for row in here):
            continue
        first, symbol = here[0], varied[0]
        values = sorted(getattr(row.symbols, symbol) for row in here)
        ours = [row.ours.mean for row in here if row.ours]
        printed = [row.published.mean for row in here if row.published]
        where = f"{data_label(first.setting.dataset, first.setting.model)}, {first.series.name}"
        yield (
            f"{where}: over {SIGNS.get(symbol, symbol)} from {values[0]:g} to {values[-1]:g} our "
            f"means lie within {max(ours) - min(ours):.2f} pp of each other, the published within "
            f"{max(printed) - min(printed):.2f} pp."
        )


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
