"""How many of the paper's numbers are reproduced, table by table."""

from collections import Counter
from collections.abc import Sequence

from reports.names import data_label
from reports.published import published_tables
from reports.rows import Row
from reports.statistics import MARGIN, STEPS
from reports.tables import entry

VERDICTS = ("reproduced", *(f"within {step:g} pp" for step in STEPS), "differs")
HEADINGS = ("table", "numbers", *VERDICTS, "no verdict", f"|Δ| ≤ {MARGIN:g} pp", "seeds")


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each of the paper's tables, in the rows or not, and their sum."""
    printed = [row for row in rows if row.published is not None]
    lines = [
        f"| {' | '.join(heading.replace('|', chr(92) + '|') for heading in HEADINGS)} |",
        "|:--|" + "--:|" * (len(HEADINGS) - 1),
    ]
    published = published_tables()["table"].value_counts(sort=False)
    for n, numbers in sorted(published.items()):
        own = [row for row in printed if row.table == n]
        lines.append(_line(f"[Table {n}](table{n}.md)" if own else f"Table {n}", own, int(numbers)))
    return "\n".join([*lines, _line("all", printed, int(published.sum()))]) + "\n"


def page(rows: Sequence[Row]) -> str:
    """The page around the table."""
    names = ", ".join(sorted({row.protocol for row in rows}))
    return (
        "# Verdicts\n\n"
        f"How many of the numbers that the paper prints are reproduced under {names}. "
        "The rule stands under every table; no verdict: not run, or fewer rounds than the paper's."
        f"\n\n{table(rows)}{_misprints(rows)}{_misses(rows)}{_lacking(rows)}"
        "\nMade by `python -m benchmark report paper`.\n"
    )


def _misprints(rows: Sequence[Row]) -> str:
    """Which numbers are not held against the configuration that is printed."""
    numbers = Counter((r.table, r.misprint) for r in rows if r.misprint)
    said = [f"- Table {n}, {count} numbers: {why}" for (n, why), count in numbers.items()]
    return "\n".join(["", "## Not as the caption says", "", *said, ""]) if said else ""


def _misses(rows: Sequence[Row]) -> str:
    """The numbers that are further off than the margin, the furthest first."""
    far = [(abs(r.difference), r) for r in rows if r.difference is not None]
    far = [(gap, r) for gap, r in far if gap > MARGIN + 1e-9]
    if not far:
        return ""
    lines = [
        f"\n## More than {MARGIN:g} pp away\n",
        "| table | number | paper | ours | 95 % interval | Δ | verdict |",
        "|:--|:--|--:|--:|:--|--:|:--|",
    ]
    for _, r in sorted(far, key=lambda pair: -pair[0]):
        texts = entry(r)
        values = (texts.paper, texts.ours, texts.interval or "–", texts.difference, texts.verdict)
        lines.append(f"| {r.table} | {_number(r)} | {' | '.join(values)} |")
    return "\n".join(lines) + "\n"


def _lacking(rows: Sequence[Row]) -> str:
    """What the results do not have of what the paper profile asks for."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for r in rows:
        if r.lacking and r.published is not None:
            groups.setdefault((f"Table {r.table}", r.lacking), []).append(r)
    if not groups:
        return ""
    lines = [
        f"- {name}: {lacking}: {'; '.join(map(_number, found))}."
        for (name, lacking), found in sorted(groups.items())
    ]
    lines += [
        "",
        "results/reproduction/READING.md has the reasons for what the committed runs lack.",
    ]
    return "\n## Not yet at full scale\n\n" + "\n".join(lines) + "\n"


def _number(row: Row) -> str:
    setting = row.setting
    active = [f"{setting.active_clients} active"] if setting.active_clients else []
    return ", ".join([data_label(setting.dataset, setting.model), *active, row.series.label])


def _line(label: str, rows: Sequence[Row], numbers: int) -> str:
    counts = [sum(row.verdict == verdict for row in rows) for verdict in VERDICTS]
    near = sum(row.difference is not None and abs(row.difference) <= MARGIN + 1e-9 for row in rows)
    seeds = sorted({row.runs.seeds for row in rows if row.runs})
    said = "–" if not seeds else f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    places = [numbers, *counts, numbers - sum(counts), near]
    return f"| {label} | {' | '.join(map(str, places))} | {said} |"
