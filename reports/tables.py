"""A table as the paper lays it out: methods down, data sets and models across."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from reports.equivalence import REPRODUCED, VERDICTS
from reports.names import (
    REDUCTION_TEXT,
    SCORES,
    data_label,
    method_name,
    method_rank,
    variant_label,
)
from reports.results import Results
from reports.rows import DIVERGED, NOT_RUN, PARTIAL, TOO_FEW, UNPUBLISHED, Row
from reports.settings import Setting, column_label, signed, sort_key

OLDER = "†"
"""The mark of a number whose method's file has changed since."""


class Entry(NamedTuple):
    """One place of a table, as text in percent; empty where there is nothing to say."""

    paper: str
    """The published mean ± standard deviation."""
    ours: str
    """Our mean ± standard deviation."""
    interval: str
    """The 95 % interval of our mean."""
    difference: str
    """Ours − published, in percentage points."""
    verdict: str
    """The verdict, or why there is none."""
    remark: str
    """Whether the number was fitted or predicted, and which other methods would pass for it."""


class Table(NamedTuple):
    """A table as text."""

    columns: list[str]
    """Labels of the columns."""
    rows: list[tuple[str, list[Entry | None]]]
    """A label and, for every column, an entry or None."""
    note: str
    """What must stand under the table, on one line."""


def layout(results: Results) -> Table:
    """The rows of ``results`` arranged as a table, with its note.

    A column without any run is left out, and the note says so.
    """
    entries: dict[str, dict[Setting, Entry]] = {}
    ran = {row.setting for row in results.rows if row.runs is not None}
    for row in sorted(
        (row for row in results.rows if row.setting in ran),
        key=lambda row: method_rank(row.series.algorithm),
    ):
        entries.setdefault(_label(row, results), {})[row.setting] = entry(row)
    ordered = sorted(ran, key=sort_key)
    return Table(
        [column_label(setting, ordered) for setting in ordered],
        [(label, [line.get(setting) for setting in ordered]) for label, line in entries.items()],
        note(results),
    )


def _label(row: Row, results: Results) -> str:
    """The line of a row; for a guest, with all its settings."""
    if row.runs is None or not results.is_guest(row):
        return row.series.label
    run = next(iter(row.runs.made.runs.values()))
    return "; ".join(filter(None, [row.series.label, variant_label(run.hyper)]))


def entry(row: Row) -> Entry:
    """The numbers of a row as text: two decimals, true minus signs."""
    published, ours = row.published, row.ours
    return Entry(
        paper=_spread(published.mean, published.std) if published else "",
        ours=_spread(ours.mean, ours.std) + _mark(row) if ours else "",
        interval="" if ours is None or ours.low is None else f"[{ours.low:.2f}, {ours.high:.2f}]",
        difference="" if row.difference is None else signed(row.difference),
        verdict=_verdict_label(row),
        remark=_remark(row),
    )


def _mark(row: Row) -> str:
    return f" {OLDER}" if row.runs and row.runs.is_older else ""


def older_note(results: Results) -> str:
    """Which methods' files have changed since they made runs; empty where none has."""
    older = {row.series.algorithm for row in results.rows if row.runs and row.runs.is_older}
    if not older:
        return ""
    names = ", ".join(method_name(name) for name in sorted(older, key=method_rank))
    return f"{OLDER} {names}: the method's file has changed since these runs were made."


def _remark(row: Row) -> str:
    if row.published is None:
        return ""
    names = [method_name(name) for name in row.too]
    return ", ".join(["fitted" if row.fitted else "predicted", *(f"{name} too" for name in names)])


def _verdict_label(row: Row) -> str:
    if row.runs is not None and row.runs.diverged:
        return f"{DIVERGED}: {row.runs.diverged}"
    if row.verdict != UNPUBLISHED:
        return row.verdict
    return PARTIAL if row.is_partial else ""


def note(results: Results) -> str:
    """Protocol, reduction, seeds and rounds: what must stand with every number."""
    protocol, has_published = results.protocol, results.has_published
    counts = {row.runs.seeds for row in results.rows if row.runs}
    least, most = min(counts), max(counts)
    seeds = f"{least}" if least == most else f"{least} to {most}"
    text = (
        f"Protocol {protocol.name}. Reduction: {REDUCTION_TEXT[protocol.reduction]}. "
        f"Seeds: {seeds}. Length: {', '.join(_lengths(results.rows))}. "
        "Test accuracy in percent; GM: the global model, PM: the personalised models. "
        f"{_spread_note(least, most, has_published)}"
    )
    text += "; paper: mean ± as printed; Δ: ours − paper." if has_published else "."
    if results.is_partial and has_published:
        text += " Runs shorter than the paper's are partial: they get no verdict."
    if any(row.runs.diverged for row in results.rows if row.runs):
        text += " Diverged: a loss was no longer finite at that round; there is no mean then."
    misprints = dict.fromkeys(row.misprint for row in results.rows if row.misprint)
    text += "".join(f" {why}" for why in misprints)
    if unrun := [row for row in results.rows if row.verdict == NOT_RUN]:
        where = sorted({data_label(row.setting.dataset, row.setting.model) for row in unrun})
        text += f" Not run: {len(unrun)} published numbers ({'; '.join(where)})."
    return f"{text} {older_note(results)}".rstrip()


def _lengths(rows: Iterable[Row]) -> list[str]:
    """The lengths of the runs in words, the shortest first."""
    runs = [row.runs for row in rows if row.runs]
    lengths = {(run.made.rounds, run.length) for run in runs}
    return [label for _, label in sorted(lengths)]


def _spread_note(least: int, most: int, has_published: bool) -> str:
    what = "Ours" if has_published else "Numbers"
    if least > 1:
        return f"{what}: mean ± standard deviation over seeds, [95 % Student-t interval]"
    if most > 1:
        return f"{what}: mean ± standard deviation, [95 % interval] where there are two seeds"
    return f"{what}: one seed, so no standard deviation and no interval"


def reductions(rows: Iterable[Row]) -> dict[str, float]:
    """Mean |ours − paper| in pp under each reduction, over full-length rows with a value.

    Shows how much depends on the protocol's choice; empty where no row can be compared.
    """
    gaps = [
        abs(row.runs.values.mean() - row.published.mean)
        for row in rows
        if row.runs and row.published and row.difference is not None
    ]
    return {str(key): float(gap) for key, gap in pd.DataFrame(gaps).mean().items()}


def verdicts(rows: Iterable[Row]) -> dict[str, int]:
    """How many published numbers got each verdict, the best first."""
    order = (*VERDICTS, TOO_FEW, PARTIAL, DIVERGED, NOT_RUN)
    counts = Counter(row.verdict for row in rows if row.published)
    return {name: counts[name] for name in order if counts[name]}


def verdict_texts(rows: Sequence[Row]) -> list[str]:
    """The counts of verdicts in words: of fitted numbers, then of predicted ones."""
    printed = [row for row in rows if row.published]
    kinds = {
        "Fitted": [row for row in printed if row.fitted],
        "Predicted": [row for row in printed if not row.fitted],
    }
    found = []
    for kind, here in kinds.items():
        if counts := verdicts(here):
            too = sum(row.verdict == REPRODUCED and bool(row.too) for row in here)
            shared = {REPRODUCED: f" ({too} of them by another method too)"} if too else {}
            words = [f"{count} {name}{shared.get(name, '')}" for name, count in counts.items()]
            found.append(f"{kind}: {', '.join(words)}.")
    return found


def choices(rows: Iterable[Row]) -> list[str]:
    """The choices that were made on these numbers, in words."""
    return list(dict.fromkeys(choice for row in rows for choice in row.fitted))


def best_bias(rows: Sequence[Row]) -> str:
    """What taking the best round adds, in a few sentences; empty unless the rows take it."""
    parts = []
    for scores, name in SCORES.items():
        values = [
            row.best_bias
            for row in rows
            if row.series.scores == scores and row.reduction == "best" and row.best_bias is not None
        ]
        if values:
            parts.append(f"{name} {signed(min(values))} to {signed(max(values))} pp")
    if not parts:
        return ""
    return (
        "The best round is chosen on the test set. It exceeds the mean of the last 20 evaluations "
        f"of the same runs by: {'; '.join(parts)}. This favours methods whose scores swing, so "
        "methods are better compared by their last rounds."
    )


def _spread(mean: float, std: float | None) -> str:
    return f"{mean:.2f}" if std is None else f"{mean:.2f} ± {std:.2f}"
