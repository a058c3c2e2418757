"""Client by client: how test accuracy spreads over clients, and whom a method helps or harms."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmark.store import column
from reports.names import method_rank
from reports.results import Results
from reports.rows import Row, Runs
from reports.settings import column_label, signed, sort_key
from reports.statistics import Floats

DRAWS = 1000
"""Bootstrap samples of the clients."""
HEADINGS = (
    *("setting", "scores", "pooled", "mean over clients", "worst tenth", "std over clients"),
    *("better than alone", "equal", "worse", "mean difference to alone"),
)
NOTE = (
    "Accuracies at the last round, or at the one chosen on validation data, in percent, averaged "
    "over seeds. Pooled: the share of all clients' test samples that are classified correctly, as "
    "in the table and the figures; a client counts in proportion to its test samples. Mean over "
    "clients: every client counts alike. Worst tenth: the mean of the tenth of the clients with "
    "the lowest accuracies. Better than alone, equal, worse: the share of clients whose accuracy, "
    "averaged over the common seeds, is above, equal to or below that of local-only. In brackets: "
    f"95 % bootstrap intervals over clients ({DRAWS} draws); they show how much depends on who the "
    "clients are."
)


class Spread(NamedTuple):
    """Accuracies of clients in percent, averaged over seeds."""

    pooled: float
    """Accuracy over all clients' test samples together."""
    mean: float
    """Mean over clients, all weighted alike."""
    worst: float
    """Mean of the worst tenth of the clients, at least one."""
    std: float
    """Standard deviation over clients (ddof = 1); 0 for a single client."""


class Shares(NamedTuple):
    """Clients paired with themselves under local-only."""

    better: float
    """Percent of the clients, as are ``equal`` and ``worse``."""
    equal: float
    """Percent of the clients with the same accuracy."""
    worse: float
    """Percent of the clients with a lower accuracy."""
    better_interval: tuple[float, float]
    """Bootstrap over clients, 95 %."""
    mean: float
    """Mean difference over clients in percentage points."""
    mean_interval: tuple[float, float]
    """Bootstrap over clients, 95 %."""


def spread(accuracies: Floats, sizes: Floats) -> Spread:
    """The spread over clients. accuracies, sizes: (seeds, clients), fractions and test samples."""
    percent = 100 * accuracies
    clients = percent.shape[1]
    lowest = np.sort(percent, axis=1)[:, : -(-clients // 10)]
    std = percent.std(axis=1, ddof=1) if clients > 1 else np.zeros(1)
    pooled = (percent * sizes).sum(axis=1) / sizes.sum(axis=1)
    return Spread(*(float(each.mean()) for each in (pooled, percent, lowest, std)))


def shares(ours: Floats, alone: Floats) -> Shares:
    """Whom a method helps and harms. ours, alone: (seeds, clients), fractions, paired."""
    gaps = 100 * (ours - alone).mean(axis=0)
    gaps[np.abs(gaps) < 1e-9] = 0.0
    better = 100 * (gaps > 0)
    return Shares(
        better=float(better.mean()),
        equal=float(100 * (gaps == 0).mean()),
        worse=float(100 * (gaps < 0).mean()),
        better_interval=bootstrap(better),
        mean=float(gaps.mean()),
        mean_interval=bootstrap(gaps),
    )


def bootstrap(values: Floats, seed: int = 0) -> tuple[float, float]:
    """The 95 % percentile interval of the mean when clients are drawn again. values: (clients,)."""
    n = len(values)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    low, high = np.quantile(counts @ values / n, [0.025, 0.975])
    return float(low), float(high)


def lines(results: Results) -> list[tuple[str, ...]]:
    """The table's rows as text: every row that was run, by setting."""
    rows = [row for row in results.main_rows if row.runs and not row.runs.diverged]
    rows.sort(key=lambda row: (sort_key(row.setting), *method_rank(row.series.algorithm)))
    return [line for row in rows for line in _line(row, results)]


def _line(row: Row, results: Results) -> list[tuple[str, ...]]:
    """One row as text; empty where its runs stored no accuracies of clients."""
    tables = _accuracies(row.runs) if row.runs else None
    if tables is None:
        return []
    accuracies, sizes = tables
    values = spread(accuracies.to_numpy(), sizes.to_numpy())
    label = column_label(row.setting, results.columns)
    return [(label, row.series.label, *(f"{value:.2f}" for value in values), *_against(row))]


def against_alone(row: Row) -> Shares | None:
    """Whom the method of a row helps and harms; None where its clients cannot be paired."""
    ours = _accuracies(row.runs) if row.runs and row.alone else None
    alone = _accuracies(row.alone) if row.alone else None
    if ours is None or alone is None:
        return None
    seeds = ours[0].index.intersection(alone[0].index)
    if seeds.empty:
        return None
    return shares(ours[0].loc[seeds].to_numpy(), alone[0].loc[seeds].to_numpy())


def _against(row: Row) -> tuple[str, str, str, str]:
    """How the clients of a personalised method fare beside themselves alone, as text."""
    found = against_alone(row)
    if found is None:
        return "–", "–", "–", "–"
    return (
        f"{found.better:.0f} % [{found.better_interval[0]:.0f}, {found.better_interval[1]:.0f}]",
        f"{found.equal:.0f} %",
        f"{found.worse:.0f} %",
        f"{signed(found.mean)} [{', '.join(map(signed, found.mean_interval))}]",
    )


def _accuracies(runs: Runs) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Seeds × clients: accuracies at the last or the chosen round, and test samples; None if they
    are not stored."""
    name = column(runs.scores, "accuracy")
    tables = {seed: table for seed, table in runs.made.clients.items() if name in table}
    if not tables:
        return None
    accuracies = pd.DataFrame({seed: table[name] for seed, table in tables.items()}).T
    sizes = pd.DataFrame({seed: table["test_size"] for seed, table in tables.items()}).T
    known: Sequence[bool] = accuracies.notna().all(axis=1).to_list()
    return (accuracies[known], sizes[known]) if any(known) else None
