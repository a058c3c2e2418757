"""Each method's personalised models against training alone, in sentences with their evidence."""

from typing import NamedTuple

import pandas as pd

from reports.names import REDUCTIONS
from reports.results import Results
from reports.rows import Published, Row, Runs
from reports.settings import Setting, column_label, signed, sort_key
from reports.statistics import Paired, Summary, holm, paired

LEVEL = 0.05


class Pair(NamedTuple):
    """The same scores of two methods in one setting, the other one's runs as long."""

    setting: Setting
    row: Row
    runs: Runs
    ours: Summary
    other: Row
    other_ours: Summary
    test: Paired | None
    """Paired over the common seeds; None with fewer than two."""

    @property
    def gap(self) -> float:
        """The first one's mean − the other's, in percentage points."""
        return self.ours.mean - self.other_ours.mean


def against_local(results: Results, algorithm: str = "pfml") -> list[str]:
    """Whether a method's PM is above local-only: a sentence of evidence for every setting.

    Ours: Student's t-test on the reduced scores, paired over seeds, p adjusted by Holm over
    the settings. The published mean is held against local-only's 95 % interval.
    """
    found = pairs(results, algorithm)
    adjusted = iter(holm([pair.test.p for pair in found if pair.test]))
    every = [pair.setting for pair in found]
    return [
        f"{column_label(pair.setting, every)}: "
        + _ours(pair, next(adjusted) if pair.test else None)
        + _published(pair)
        for pair in found
    ]


def pairs(results: Results, algorithm: str) -> list[Pair]:
    """Every setting in which both the method and local-only were run, tested over seeds."""
    personal = [row for row in results.rows if row.series.scores == "personal"]
    local = {
        (row.setting, row.series.swept): row for row in personal if row.series.algorithm == "local"
    }
    found = []
    for row in personal:
        # Where a sweep leaves local-only alone, the same one stands beside all of it.
        alone = local.get((row.setting, row.series.swept)) or local.get((row.setting, ()))
        if row.series.algorithm == algorithm and alone is not None:
            found += _pair(row, alone)
    return sorted(found, key=lambda pair: sort_key(pair.setting))


def _pair(row: Row, other: Row) -> list[Pair]:
    """The pair, unless one of them has no mean or a partial run meets a whole one."""
    if row.runs is None or other.runs is None or row.ours is None or other.ours is None:
        return []
    if row.runs.made.rounds != other.runs.made.rounds:
        return []
    return [Pair(row.setting, row, row.runs, row.ours, other, other.ours, tested(row, other))]


def how_tested(results: Results) -> str:
    """One line on how the sentences of ``against_local`` were come by."""
    return (
        f"Scores: {REDUCTIONS[results.protocol.reduction]}, protocol {results.protocol.name}. "
        "Tests: Student's t on the differences paired over seeds, p adjusted by Holm over the "
        f"settings; told apart where p < {LEVEL:g}."
    )


def tested(row: Row, other: Row) -> Paired | None:
    """Student's t-test on two rows' scores, paired over their common seeds; None below two."""
    if row.runs is None or other.runs is None:
        return None
    sides = [side.values[row.reduction] for side in (row.runs, other.runs)]
    both = pd.concat(sides, axis=1, join="inner", keys=["row", "other"])
    return paired(both["row"], both["other"]) if len(both) > 1 else None


def _ours(pair: Pair, p: float | None) -> str:
    mean, alone = pair.ours.mean, pair.other_ours.mean
    name = pair.row.series.label
    short = f" {pair.runs.length}" if pair.runs.is_partial else ""
    gap = f"{abs(pair.gap):.2f} pp {'above' if mean > alone else 'below'}"
    if pair.test is None or p is None:
        return (
            f"our {name} {mean:.2f} is {gap} local-only {alone:.2f}{short}; one common seed, "
            "so no test."
        )
    evidence = (
        f"{signed(pair.test.mean)} pp, 95 % interval {signed(pair.test.low)} to "
        f"{signed(pair.test.high)}, paired over {pair.test.n} seeds, adjusted {p_label(p)}"
    )
    if p < LEVEL:
        return f"our {name} {mean:.2f} is {gap} local-only {alone:.2f}{short} ({evidence})."
    both = f"our {name} {mean:.2f} and local-only {alone:.2f}{short}"
    return f"{both} cannot be told apart ({evidence})."


def _published(pair: Pair) -> str:
    published: Published | None = pair.row.published
    alone = pair.other_ours
    if published is None:
        return ""
    if pair.other.is_partial:
        return " The published value is of more rounds than these runs, so it is not compared."
    gap = signed(published.mean - alone.mean)
    if alone.low is None or alone.high is None:
        return f" The published {published.mean:.2f} is {gap} pp from our local-only (one seed)."
    interval = f"our local-only's 95 % interval [{alone.low:.2f}, {alone.high:.2f}]"
    if published.mean > alone.high:
        return (
            f" The published {published.mean:.2f} lies above {interval} ({gap} pp from its mean)."
        )
    if published.mean < alone.low:
        return (
            f" The published {published.mean:.2f} lies below {interval} ({gap} pp from its mean)."
        )
    return f" The published {published.mean:.2f} lies within {interval}."


def p_label(p: float) -> str:
    """``p = 0.012``, or that it is tiny."""
    return f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"
