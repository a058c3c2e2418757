"""How many of the paper's numbers are reproduced, table by table."""

from collections.abc import Sequence

from reports.compare import Row
from reports.load import published_tables
from reports.statistics import MARGIN, STEPS

VERDICTS = ("reproduced", *(f"within {step:g} pp" for step in STEPS), "differs")
HEADINGS = ("table", "numbers", *VERDICTS, "no verdict", f"|Δ| ≤ {MARGIN:g} pp", "seeds")


def table(rows: Sequence[Row]) -> str:
    """Markdown: a line for each of the paper's tables, in the rows or not, and their sum."""
    printed = [row for row in rows if row.paper_mean is not None]
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
        f"\n\n{table(rows)}\nMade by `python -m benchmark report paper`.\n"
    )


def _line(label: str, rows: Sequence[Row], numbers: int) -> str:
    counts = [sum(row.verdict == verdict for row in rows) for verdict in VERDICTS]
    near = sum(row.difference is not None and abs(row.difference) <= MARGIN + 1e-9 for row in rows)
    seeds = sorted({row.seeds for row in rows if row.seeds})
    said = "–" if not seeds else f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    places = [numbers, *counts, numbers - sum(counts), near]
    return f"| {label} | {' | '.join(map(str, places))} | {said} |"
