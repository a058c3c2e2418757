"""A table as the paper lays it out: methods down, data sets and models across."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pandas as pd

from reports.compare import DIVERGED, NOT_RUN, PARTIAL, UNPUBLISHED, Row
from reports.load import Results
from reports.names import (
    DATASETS,
    METHODS,
    MODELS,
    REDUCTIONS,
    data_label,
    method_label,
    rounds_label,
)
from reports.statistics import REDUCTIONS as REDUCE


class Entry(NamedTuple):
    """One place of a table, as text in percent; empty where there is nothing to say."""

    paper: str
    ours: str
    interval: str
    difference: str
    verdict: str


class Table(NamedTuple):
    """columns: labels. rows: a label and, for every column, an Entry or None. note: one line."""

    columns: list[str]
    rows: list[tuple[str, list[Entry | None]]]
    note: str


class Setting(NamedTuple):
    """What a column of a table is about; ``partition`` only where it tells columns apart."""

    dataset: str
    model: str
    active_clients: int | None
    partition: str | None


def layout(results: Results, rows: Sequence[Row]) -> Table:
    """The rows of ``compare.rows`` arranged as a table, with the line that belongs under it.

    A column with no run at all is left out, and the line says so.
    """
    columns = settings(rows)
    entries: dict[str, dict[Setting, Entry]] = {}
    ranks = {name: rank for rank, name in enumerate(METHODS)}
    ran = {columns[row] for row in rows if row.cell is not None}
    shown = [row for row in rows if columns[row] in ran]
    for row in sorted(shown, key=lambda r: (ranks.get(r.algorithm, len(ranks)), r.algorithm)):
        label = method_label(row.algorithm, row.scores, row.variant)
        entries.setdefault(label, {})[columns[row]] = entry(row)
    ordered = sorted(ran, key=place)
    return Table(
        [column_label(setting, ordered) for setting in ordered],
        [(label, [found.get(setting) for setting in ordered]) for label, found in entries.items()],
        note(results, rows),
    )


def settings(rows: Iterable[Row]) -> dict[Row, Setting]:
    """The column of each row."""
    rows = list(rows)
    seen: dict[tuple[object, ...], set[str]] = {}
    for r in rows:
        partitions = seen.setdefault((r.dataset, r.model, r.active_clients), set())
        partitions |= {r.partition} if r.partition else set()
    several = {key for key, partitions in seen.items() if len(partitions) > 1}
    found = {}
    for r in rows:
        key = (r.dataset, r.model, r.active_clients)
        found[r] = Setting(*key, r.partition if key in several else None)
    return found


def entry(row: Row) -> Entry:
    """The numbers of a row as text: two decimals, true minus signs."""
    return Entry(
        paper="" if row.paper_mean is None else _spread(row.paper_mean, row.paper_std),
        ours="" if row.ours_mean is None else _spread(row.ours_mean, row.ours_std),
        interval=""
        if row.ours_low is None or row.ours_high is None
        else f"[{row.ours_low:.2f}, {row.ours_high:.2f}]",
        difference="" if row.difference is None else signed(row.difference),
        verdict=_said(row),
    )


def _said(row: Row) -> str:
    if row.diverged:
        return f"{DIVERGED}: {row.diverged}"
    if row.verdict != UNPUBLISHED:
        return row.verdict
    return PARTIAL if (row.rounds or 0) < (row.full_rounds or 0) else ""


def note(results: Results, rows: Sequence[Row]) -> str:
    """Protocol, reduction, seeds and rounds: what must stand with every number."""
    scores, protocol = results.scores, results.protocol
    seeds = scores.groupby(["cell", "scores"])["seed"].nunique()
    least, most = int(seeds.min()), int(seeds.max())
    lengths = scores[["rounds", "full_rounds"]].drop_duplicates().sort_values("rounds")
    rounds = ", ".join(rounds_label(r, f) for r, f in lengths.itertuples(index=False))
    text = (
        f"Protocol {protocol.name}. Reduction: {REDUCTIONS[protocol.reduction]}. "
        f"Seeds: {least if least == most else f'{least} to {most}'}. Length: {rounds}. "
        "Test accuracy in percent; GM: the global model, PM: the personalised models. "
    )
    if least > 1:
        text += "Ours: mean ± standard deviation over seeds, [95 % Student-t interval]; "
    elif most > 1:
        text += "Ours: mean ± standard deviation, [95 % interval] where there are two seeds; "
    else:
        text += "Ours: one seed, so no standard deviation and no interval; "
    text += "paper: mean ± as printed; Δ: ours − paper."
    if results.partial:
        text += " Runs shorter than the paper's are partial: they get no verdict."
    if any(row.diverged for row in rows):
        text += " Diverged: a loss was no longer finite at that round; there is no mean then."
    text += "".join(f" {why}" for why in dict.fromkeys(r.misprint for r in rows if r.misprint))
    unrun = [row for row in rows if row.verdict == NOT_RUN]
    if unrun:
        where = sorted({data_label(row.dataset, row.model) for row in unrun})
        text += f" Not run: {len(unrun)} published numbers ({'; '.join(where)})."
    return text


def reductions(results: Results, rows: Sequence[Row]) -> dict[str, float]:
    """Mean |ours − paper| in pp under each reduction, over full-length rows with a value.

    Says how much hangs on the protocol's choice; empty where no row can be compared.
    """
    groups = results.scores.groupby(["cell", "scores"])
    gaps = [
        abs(groups.get_group((r.cell, r.scores))[list(REDUCE)].mean() - r.paper_mean)
        for r in rows
        if r.cell is not None and r.paper_mean is not None and r.difference is not None
    ]
    return {str(key): float(gap) for key, gap in pd.DataFrame(gaps).mean().items()}


def verdicts(rows: Iterable[Row]) -> dict[str, int]:
    """How many published numbers got each verdict, the best first."""
    order = [
        "reproduced",
        "within 0.5 pp",
        "within 1 pp",
        "within 2 pp",
        "differs",
        PARTIAL,
        DIVERGED,
    ]
    counts = pd.Series([r.verdict for r in rows if r.paper_mean is not None]).value_counts()
    return {name: int(counts[name]) for name in [*order, NOT_RUN] if name in counts}


def column_label(setting: Setting, among: Sequence[Setting]) -> str:
    """``MNIST, DNN``; with active clients and partition where the settings differ in them."""
    parts = [data_label(setting.dataset, setting.model)]
    if len({s.active_clients for s in among}) > 1 and setting.active_clients is not None:
        parts.append(f"{setting.active_clients} active")
    if setting.partition:
        parts.append(setting.partition)
    return ", ".join(parts)


def place(setting: Setting) -> tuple[object, ...]:
    """The sorting key of a column: data set, model, active clients, partition."""
    data, models = list(DATASETS), list(MODELS)
    return (
        data.index(setting.dataset) if setting.dataset in data else len(data),
        setting.dataset,
        models.index(setting.model) if setting.model in models else len(models),
        setting.model,
        setting.active_clients or 0,
        setting.partition or "",
    )


def signed(value: float) -> str:
    """``+0.05`` or ``−0.11``: two decimals and a true minus sign."""
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")  # + 0.0: no negative zero


def _spread(mean: float, std: float | None) -> str:
    return f"{mean:.2f}" if std is None else f"{mean:.2f} ± {std:.2f}"
