"""What the numbers say about the paper's claims, each in a sentence with its evidence."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from reports.compare import Row
from reports.load import Results
from reports.names import REDUCTIONS, method_label, rounds_label
from reports.statistics import Paired, holm, paired
from reports.tables import Setting, column_label, place, settings, signed

LEVEL = 0.05


class Pair(NamedTuple):
    """A method and local-only in the same setting; test: None with fewer than two seeds."""

    setting: Setting
    ours: Row
    alone: Row
    test: Paired | None


def against_local(results: Results, rows: Sequence[Row], algorithm: str = "pfml") -> list[str]:
    """Is a method's PM above local-only? A sentence of evidence for every setting.

    Ours: Student's t-test on the reduced scores, paired over seeds, p adjusted by Holm over
    the settings. The published mean is held against local-only's 95 % interval.
    """
    found = pairs(results, rows, algorithm)
    adjusted = iter(holm([pair.test.p for pair in found if pair.test]))
    every = [pair.setting for pair in found]
    return [
        f"{column_label(pair.setting, every)}: "
        + _ours(pair, next(adjusted) if pair.test else None)
        + _published(pair)
        for pair in found
    ]


def pairs(results: Results, rows: Sequence[Row], algorithm: str) -> list[Pair]:
    """Every setting in which both the method and local-only were run, tested over seeds."""
    columns = settings(rows)
    personal = [r for r in rows if r.scores == "personal" and r.ours_mean is not None]
    local = {(columns[r], r.variant): r for r in personal if r.algorithm == "local"}
    found = []
    for r in personal:
        # Where a sweep leaves local-only alone, the same one stands beside all of it.
        alone = local.get((columns[r], r.variant)) or local.get((columns[r], ""))
        # A run in part is held against no whole one.
        if r.algorithm == algorithm and alone is not None and r.rounds == alone.rounds:
            found.append(Pair(columns[r], r, alone, tested(results, r, alone)))
    return sorted(found, key=lambda pair: place(pair.setting))


def method(results: Results) -> str:
    """One line on how the sentences of ``against_local`` were come by."""
    return (
        f"Scores: {REDUCTIONS[results.protocol.reduction]}, protocol {results.protocol.name}. "
        "Tests: Student's t on the differences paired over seeds, p adjusted by Holm over the "
        f"settings; told apart where p < {LEVEL:g}."
    )


def tested(results: Results, one: Row, other: Row) -> Paired | None:
    """Student's t-test on two rows' scores, paired over their common seeds; None below two."""
    every = results.scores
    sides = [
        every[(every["cell"] == r.cell) & (every["scores"] == r.scores)].set_index("seed")["value"]
        for r in (one, other)
    ]
    both = pd.concat(sides, axis=1, join="inner", keys=["one", "other"])
    return paired(both["one"], both["other"]) if len(both) > 1 else None


def _ours(pair: Pair, p: float | None) -> str:
    mean, alone = pair.ours.ours_mean or 0.0, pair.alone.ours_mean or 0.0
    name = method_label(pair.ours.algorithm, "personal", pair.ours.variant)
    rounds = (pair.ours.rounds or 0, pair.ours.full_rounds or 0)
    short = f" {rounds_label(*rounds)}" if rounds[0] < rounds[1] else ""
    gap = f"{abs(mean - alone):.2f} pp {'above' if mean > alone else 'below'}"
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
    printed, alone = pair.ours.paper_mean, pair.alone
    if printed is None or alone.ours_mean is None:
        return ""
    if (alone.rounds or 0) < (alone.full_rounds or 0):
        return " The published value is of more rounds than these runs, so it is not compared."
    gap = signed(printed - alone.ours_mean)
    if alone.ours_low is None or alone.ours_high is None:
        return f" The published {printed:.2f} is {gap} pp from our local-only (one seed)."
    interval = f"our local-only's 95 % interval [{alone.ours_low:.2f}, {alone.ours_high:.2f}]"
    if printed > alone.ours_high:
        return f" The published {printed:.2f} lies above {interval} ({gap} pp from its mean)."
    if printed < alone.ours_low:
        return f" The published {printed:.2f} lies below {interval} ({gap} pp from its mean)."
    return f" The published {printed:.2f} lies within {interval}."


def p_label(p: float) -> str:
    """``p = 0.012``, or that it is tiny."""
    return f"p = {p:.2g}" if p >= 1e-4 else "p < 0.0001"
