"""The numbers of a report as plain text, for the end of a run."""

import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from reports.claims import against_local
from reports.compare import Row
from reports.compare import rows as compared
from reports.curves import Panel, distances, panels
from reports.load import FULL_SCALE, Results, load_all
from reports.names import METHODS, method_label
from reports.tables import column_label, entry, note, place, settings


def summary_text(
    experiment_names: Sequence[str],
    store: Path,
    profile: str = FULL_SCALE,
    protocols: Sequence[str] | None = None,
    width: int = 100,
) -> str:
    """A line for every number that was run, its published value beside it; plain text.

    Published numbers without a run are counted, not listed. Raises BenchmarkError where the
    store has none of the runs.
    """
    found = load_all(experiment_names, store, profile, protocols)
    return "\n".join(_summary(results, width) for results in found)


def _summary(results: Results, width: int) -> str:
    rows = compared(results)
    text = io.StringIO()
    console = Console(file=text, width=width, color_system=None, highlight=False)
    console.print(_table(results, rows))
    console.print(note(results, rows))
    if results.partial:
        for line in _nearness(panels(results, rows)):
            console.print(line)
    for sentence in against_local(results, rows):
        console.print(sentence)
    return text.getvalue()


def _table(results: Results, rows: Sequence[Row]) -> Table:
    columns = settings(rows)
    every = sorted(set(columns.values()), key=place)
    published = any(row.paper_mean is not None for row in rows)
    table = Table(box=box.SIMPLE_HEAD, title=results.experiment.title, title_justify="left")
    table.add_column("")
    for head in ("paper", "ours", "95 %", "Δ") if published else ("ours", "95 %"):
        table.add_column(head, justify="right", no_wrap=True)
    if published:
        table.add_column("verdict", no_wrap=True)
    ranks = {name: rank for rank, name in enumerate(METHODS)}
    ordered = sorted(
        (row for row in rows if row.cell is not None),
        key=lambda row: (place(columns[row]), ranks.get(row.algorithm, len(ranks))),
    )
    for setting, group in groupby(ordered, key=lambda row: columns[row]):
        table.add_row(column_label(setting, every))
        for row in group:
            cells = entry(row)
            numbers = cells if published else (cells.ours, cells.interval)
            table.add_row(f"  {method_label(row.algorithm, row.scores, row.variant)}", *numbers)
        table.add_section()
    return table


def _nearness(drawn: Sequence[Panel]) -> Iterator[str]:
    """What runs too short for a verdict can still be held against: the published curves."""
    for title, group in groupby(distances(drawn), key=lambda distance: distance.panel):
        found = list(group)
        each = ", ".join(f"{d.series} {d.mean:.2f}" for d in found)
        until = max(d.until for d in found)
        yield f"{title}: mean |Δ| to the published curves up to round {until}, in pp: {each}."
