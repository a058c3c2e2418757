"""Each method's personalised models against training alone, in sentences with their evidence."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from reports.names import REDUCTION_TEXT
from reports.results import Results
from reports.rows import Row, Runs
from reports.settings import column_label, signed, sort_key
from reports.statistics import Paired, Summary, holm, paired

LEVEL = 0.05


class Pair(NamedTuple):
    """The same scores of a method and of local-only in one setting, over equally many rounds."""

    row: Row
    """The method's row."""
    runs: Runs
    """The method's runs."""
    ours: Summary
    """Mean and spread of the method's runs."""
    alone: Row
    """Local-only's row."""
    alone_ours: Summary
    """Mean and spread of local-only's runs."""
    tests: dict[str, Paired]
    """Paired over the common seeds, by reduction; empty with fewer than two."""

    @property
    def test(self) -> Paired | None:
        """The test under the protocol's reduction."""
        return self.tests.get(self.row.reduction)


def against_local(results: Results, algorithm: str = "pfml") -> list[str]:
    """Whether a method's PM is above local-only: a sentence of evidence for every setting.

    Ours: Student's t-test on the reduced scores, paired over seeds, p adjusted by Holm over
    the settings, under each reduction. The published mean is held against local-only's 95 %
    interval.
    """
    found = pairs(results, algorithm)
    adjusted = _adjusted(found)
    every = [pair.row.setting for pair in found]
    return [
        f"{column_label(pair.row.setting, every)}: "
        + _ours(pair, p.get(pair.row.reduction))
        + _other_reductions(pair, p)
        + _published(pair)
        for pair, p in zip(found, adjusted, strict=True)
    ]


def verdict_words(results: Results, algorithm: str = "pfml") -> dict[str, str]:
    """For each setting with a test: above, below or open, or that the reductions disagree."""
    found = pairs(results, algorithm)
    every = [pair.row.setting for pair in found]
    words = {}
    for pair, p in zip(found, _adjusted(found), strict=True):
        outcomes = {outcome(test, p[name]) for name, test in pair.tests.items()}
        if outcomes:
            word = outcomes.pop() if len(outcomes) == 1 else "not robust"
            words[column_label(pair.row.setting, every)] = word
    return words


def _adjusted(found: Sequence[Pair]) -> list[dict[str, float]]:
    """For each pair its p by reduction, adjusted by Holm over the pairs."""
    adjusted: list[dict[str, float]] = [{} for _ in found]
    for reduction in REDUCTION_TEXT:
        tested_pairs = [i for i, pair in enumerate(found) if reduction in pair.tests]
        values = holm([found[i].tests[reduction].p for i in tested_pairs])
        for i, p in zip(tested_pairs, values, strict=True):
            adjusted[i][reduction] = p
    return adjusted


def pairs(results: Results, algorithm: str) -> list[Pair]:
    """Every setting in which both the method and local-only were run, tested over seeds."""
    personal = [row for row in results.rows if row.series.scores == "personal"]
    local = {
        (row.setting, row.series.swept): row for row in personal if row.series.algorithm == "local"
    }
    found = []
    for row in personal:
        # A local-only run that is not swept stands beside every value of the sweep.
        alone = local.get((row.setting, row.series.swept)) or local.get((row.setting, ()))
        if row.series.algorithm == algorithm and alone is not None:
            found += _pair(row, alone)
    return sorted(found, key=lambda pair: sort_key(pair.row.setting))


def _pair(row: Row, alone: Row) -> list[Pair]:
    """The pair, unless one of them has no mean or a partial run meets a whole one."""
    if row.runs is None or alone.runs is None or row.ours is None or alone.ours is None:
        return []
    if row.runs.made.rounds != alone.runs.made.rounds:
        return []
    tests = {name: tested(row, alone, name) for name in REDUCTION_TEXT}
    some = {name: test for name, test in tests.items() if test is not None}
    return [Pair(row, row.runs, row.ours, alone, alone.ours, some)]


def how_tested(results: Results) -> str:
    """How the sentences of ``against_local`` were tested."""
    return (
        f"Scores: {REDUCTION_TEXT[results.protocol.reduction]}, protocol {results.protocol.name}. "
        "Tests: Student's t on the differences paired over seeds, p adjusted by Holm over the "
        f"settings; told apart where p < {LEVEL:g}. Robust: the same outcome under every "
        "reduction."
    )


def tested(row: Row, other: Row, reduction: str) -> Paired | None:
    """Student's t-test on two rows' scores, paired over their common seeds; None below two."""
    if row.runs is None or other.runs is None:
        return None
    if not all(reduction in side.values for side in (row.runs, other.runs)):
        return None  # no validation to choose a round by
    sides = [side.values[reduction] for side in (row.runs, other.runs)]
    both = pd.concat(sides, axis=1, join="inner", keys=["row", "other"])
    return paired(both["row"], both["other"]) if len(both) > 1 else None


def outcome(test: Paired, p: float) -> str:
    """``above``, ``below``, or ``open`` where the two cannot be told apart."""
    if p >= LEVEL:
        return "open"
    return "above" if test.mean > 0 else "below"


def _ours(pair: Pair, p: float | None) -> str:
    mean, alone = pair.ours.mean, pair.alone_ours.mean
    name = pair.row.series.label
    short = f" {pair.runs.length}" if pair.runs.is_partial else ""
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


def _other_reductions(pair: Pair, p: dict[str, float]) -> str:
    """What the other reductions say, and whether all agree; empty without a test."""
    others = [name for name in pair.tests if name != pair.row.reduction]
    if pair.test is None or not others:
        return ""
    words = {outcome(test, p[name]) for name, test in pair.tests.items()}
    texts = [
        f"{REDUCTION_TEXT[name]} {signed(pair.tests[name].mean)} pp ({p_label(p[name])})"
        for name in others
    ]
    return f" {'Robust' if len(words) == 1 else 'Not robust'}: {', '.join(texts)}."


def _published(pair: Pair) -> str:
    published, alone = pair.row.published, pair.alone_ours
    if published is None:
        return ""
    if pair.alone.is_partial:
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
