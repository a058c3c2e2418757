"""What the pages print beside their main tables, for the export: derived numbers, as printed."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from reports import across, costs, curves, other_papers, per_client, ranking, readings, tuning
from reports.results import Results
from reports.sections import distance_rows

COLUMNS = ("experiment", "protocol", "table", "line", "column", "text")
DISTANCES = ("panel", "series", "mean |Δ|", "largest Δ", "Δ at the end", "unit")
READINGS = (
    *("setting", "reading", "PM (pp)", "PM's loss (%)", "GM (pp)", "GM's loss (%)"),
    *("measure", "compatible"),
)


class _Shown(NamedTuple):
    """A table of a page."""

    name: str
    labels: int
    """How many of the first columns name the line."""
    headings: Sequence[str]
    rows: Sequence[tuple[str, ...]]


def printed(results: Sequence[Results]) -> pd.DataFrame:
    """One row per field of the tables, columns COLUMNS.

    table: ``across`` (methods over all settings), ``chances`` (how sure that is), ``tuning`` (what
    was chosen), ``trials``, ``clients`` (client by client), ``costs``, ``distances`` (to the
    published curves), ``other_papers``, ``readings``. line and column: where the text stands.
    """
    rows = [
        (one.experiment.name, one.protocol.name, table.name, line, column, text)
        for one in results
        for table in _tables(one)
        for line, column, text in _places(table)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _tables(results: Results) -> Iterator[_Shown]:
    """The tables that :func:`reports.sections.section` shows."""
    if across.is_across(results):
        found = across.table(results)
        every = across.standings(found)
        yield _Shown("across", 1, ranking.HEADINGS, ranking.lines(found, every))
        yield _Shown("chances", 1, ranking.CHANCES, ranking.chances(every))
    for tuned in tuning.tuned(results).values():
        yield _Shown("tuning", 1, tuning.HEADINGS, tuning.chosen_lines(tuned))
        yield _Shown("trials", 2, tuning.TRIAL_HEADINGS, tuning.trial_lines(tuned))
    drawn = [panel for panel in curves.panels(results) if panel.lines]
    if results.experiment.figure is None:
        yield _Shown("clients", 2, per_client.HEADINGS, per_client.lines(results))
        yield _Shown("costs", 2, costs.HEADINGS, costs.lines(results))
    else:
        yield _Shown("readings", 2, READINGS, readings.texts(readings.ranked(drawn)))
    yield _Shown("other_papers", 2, other_papers.HEADINGS, other_papers.lines(results))
    yield _Shown("distances", 2, DISTANCES, distance_rows(curves.distances(drawn)))


def _places(table: _Shown) -> Iterator[tuple[str, str, str]]:
    for row in table.rows:
        line = ", ".join(row[: table.labels])
        for column, text in zip(table.headings[table.labels :], row[table.labels :], strict=True):
            yield line, column, text
