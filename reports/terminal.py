"""The numbers of a report as plain text, for the end of a run."""

import io
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table

from reports.curves import Panel, distances, panels
from reports.local_only import against_local
from reports.names import method_rank
from reports.results import Results
from reports.settings import column_label, sort_key
from reports.tables import entry, note


def summary_text(found: Sequence[Results], width: int = 100) -> str:
    """A line for every number that was run, its published value beside it; plain text.

    Published numbers without a run are counted, not listed.
    """
    return "\n".join(_summary(results, width) for results in found)


def _summary(results: Results, width: int) -> str:
    text = io.StringIO()
    console = Console(file=text, width=width, color_system=None, highlight=False)
    console.print(_table(results))
    console.print(note(results))
    if results.is_partial:
        for line in _nearness(panels(results)):
            console.print(line)
    for sentence in against_local(results) if results.has_published else ():
        console.print(sentence)
    return text.getvalue()


def _table(results: Results) -> Table:
    has_published = results.has_published
    table = Table(box=box.SIMPLE_HEAD, title=results.experiment.title, title_justify="left")
    table.add_column("")
    for head in ("paper", "ours", "95 %", "Δ") if has_published else ("mean", "95 %"):
        table.add_column(head, justify="right", no_wrap=True)
    if has_published:
        table.add_column("verdict", no_wrap=True)
    rows = sorted(
        (row for row in results.rows if row.runs is not None),
        key=lambda row: (sort_key(row.setting), method_rank(row.series.algorithm)),
    )
    for setting, group in groupby(rows, key=lambda row: row.setting):
        table.add_row(column_label(setting, results.columns))
        for row in group:
            texts = entry(row)
            numbers = texts[:5] if has_published else (texts.ours or texts.verdict, texts.interval)
            table.add_row(f"  {row.series.label}", *numbers)
        table.add_section()
    return table


def _nearness(drawn: Sequence[Panel]) -> Iterator[str]:
    """How near runs too short for a verdict are to the published curves."""
    for title, group in groupby(distances(drawn), key=lambda distance: distance.panel):
        found = list(group)
        each = ", ".join(f"{d.series} {d.mean:.2f}" for d in found)
        until = max(d.until for d in found)
        yield f"{title}: mean |Δ| to the published curves up to round {until}, in pp: {each}."
