"""How many of the paper's numbers are reproduced, table by table, fitted apart from predicted."""

from collections import Counter
from collections.abc import Sequence

from reports.equivalence import PRACTICAL, REPRODUCED, RULE, VERDICTS
from reports.names import data_label
from reports.published import published_tables
from reports.rows import Row
from reports.tables import choices, entry

NEAR = (0.3, 0.5, 1.0)
"""Percentage points; numbers are also counted by how near ours are, whatever the verdict."""
HEADINGS = (
    *("table", "numbers", "distinct", REPRODUCED, "others too", *VERDICTS[1:], "no verdict"),
    *(f"|Δ| ≤ {near:g}" for near in NEAR),
    "seeds",
)
HOW_TO_READ = (
    "Distinct: numbers of one run that are printed in several tables count once. Others too: "
    "reproduced, but another method's runs would be as well. |Δ|: numbers whose mean is that near, "
    "in percentage points, whatever its spread."
)


def table(rows: Sequence[Row], folder: str = "") -> str:
    """Markdown: a line for each of the paper's tables, in the rows or not, and their sums.

    folder: where the tables' pages are, as seen from the page that shows this.
    """
    lines = [
        f"| {' | '.join(heading.replace('|', chr(92) + '|') for heading in HEADINGS)} |",
        "|:--|" + "--:|" * (len(HEADINGS) - 1),
    ]
    return (
        "\n".join([*lines, *(f"| {' | '.join(line)} |" for line in counted(rows, folder))]) + "\n"
    )


def counted(rows: Sequence[Row], folder: str = "", *, is_linked: bool = True) -> list[list[str]]:
    """The places of the table, line by line; tables with rows are linked to their pages."""
    printed = [row for row in rows if row.published is not None]
    published = published_tables()["table"].value_counts(sort=False)
    lines = []
    for number, numbers in sorted(published.items()):
        here = [row for row in printed if row.table == number]
        name = f"Table {number}"
        label = (
            f"[{name}]({folder}table{number}.md)"
            if is_linked and any(row.runs for row in here)
            else name
        )
        lines.append(_line(label, here, int(numbers)))
    fitted = [row for row in printed if row.fitted]
    predicted = [row for row in printed if not row.fitted]
    lines.append(_line("all", printed, int(published.sum())))
    lines.append(_line("of these fitted", fitted, len(fitted)))
    lines.append(_line("of these predicted", predicted, len(predicted)))
    return lines


def page(rows: Sequence[Row]) -> str:
    """The page around the table."""
    names = ", ".join(sorted({row.protocol for row in rows}))
    return (
        "# Verdicts\n\n"
        f"How many of the numbers that the paper prints are reproduced under {names}.\n\n"
        f"{table(rows)}\n{HOW_TO_READ}\n\n{RULE}\n"
        f"{_fitted(rows)}{_misprints(rows)}{_misses(rows)}{_lacking(rows)}"
        "\nMade by `python -m benchmark report paper`.\n"
    )


def _fitted(rows: Sequence[Row]) -> str:
    """The choices, each with the numbers of the tables that it was made on."""
    counts = Counter((choice, row.table) for row in rows for choice in row.fitted)
    lines = []
    for choice in choices(rows):
        where = [f"Table {table} ({n})" for (each, table), n in counts.items() if each == choice]
        lines.append(f"- {choice[0].upper()}{choice[1:]}: {', '.join(where)}")
    return "\n".join(["", "## What was fitted", "", *lines, ""]) if lines else ""


def _misprints(rows: Sequence[Row]) -> str:
    """The numbers that are not compared under the printed configuration."""
    numbers = Counter((row.table, row.misprint) for row in rows if row.misprint)
    lines = [f"- Table {table}, {count} numbers: {why}" for (table, why), count in numbers.items()]
    return "\n".join(["", "## Not as the caption says", "", *lines, ""]) if lines else ""


def _misses(rows: Sequence[Row]) -> str:
    """The numbers that are further off than PRACTICAL, the furthest first."""
    gaps = [(abs(row.difference), row) for row in rows if row.difference is not None]
    far = [(gap, row) for gap, row in gaps if gap > PRACTICAL + 1e-9]
    if not far:
        return ""
    lines = [
        f"\n## More than {PRACTICAL:g} pp away\n",
        "| table | number | paper | ours | 95 % interval | Δ | verdict | |",
        "|:--|:--|--:|--:|:--|--:|:--|:--|",
    ]
    for _, row in sorted(far, key=lambda pair: -pair[0]):
        text = entry(row)
        values = (text.paper, text.ours, text.interval or "–", text.difference, text.verdict)
        lines.append(
            f"| {row.table} | {_number(row)} | {' | '.join(values)} | "
            f"{'fitted' if row.fitted else 'predicted'} |"
        )
    return "\n".join(lines) + "\n"


def _lacking(rows: Sequence[Row]) -> str:
    """Rounds and seeds that the paper profile asks for and the results lack."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.lacking and row.published is not None:
            groups.setdefault((f"Table {row.table}", row.lacking), []).append(row)
    if not groups:
        return ""
    lines = [
        f"- {name}: {lacking}: {'; '.join(map(_number, here))}."
        for (name, lacking), here in sorted(groups.items())
    ]
    lines += [
        "",
        "results/reproduction/READING.md says why committed runs are missing.",
    ]
    return "\n## Not yet at full scale\n\n" + "\n".join(lines) + "\n"


def _number(row: Row) -> str:
    setting = row.setting
    active = [f"{setting.active_clients} active"] if setting.active_clients else []
    return ", ".join([data_label(setting.dataset, setting.model), *active, row.series.label])


def _line(label: str, rows: Sequence[Row], numbers: int) -> list[str]:
    counts = Counter(row.verdict for row in rows)
    judged = sum(counts[verdict] for verdict in VERDICTS)
    too = sum(row.verdict == REPRODUCED and bool(row.too) for row in rows)
    gaps = [abs(row.difference) for row in rows if row.difference is not None]
    places = [
        numbers,
        len({(row.cell, row.series.scores) for row in rows}) if rows else "–",
        counts[REPRODUCED],
        too,
        *(counts[verdict] for verdict in VERDICTS[1:]),
        numbers - judged,
        *(sum(gap <= near + 1e-9 for gap in gaps) for near in NEAR),
        _span([row.runs.seeds for row in rows if row.runs]),
    ]
    return [label, *map(str, places)]


def _span(seeds: Sequence[int]) -> str:
    if not seeds:
        return "–"
    return f"{min(seeds)}" if min(seeds) == max(seeds) else f"{min(seeds)} to {max(seeds)}"
