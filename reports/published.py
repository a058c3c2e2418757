"""What the paper published: the numbers of its tables and the vertices of its curves."""

import json
from functools import cache

import pandas as pd

from benchmark.places import PUBLISHED


@cache
def published_tables() -> pd.DataFrame:
    """Every accuracy the paper prints, in percent.

    Columns table, dataset, model, active_clients, algorithm, scores, mean, std, lam, beta, K;
    NaN where the paper states none.
    """
    path = PUBLISHED / "published_tables.json"
    return pd.DataFrame(json.loads(path.read_text(encoding="utf-8"))["cells"])


@cache
def published_curves() -> pd.DataFrame:
    """The vertices of the paper's curves, smoothed as drawn.

    Columns figure, panel, dataset, model, active_clients, metric (test_accuracy, a fraction;
    train_loss, in nats), series, round, value, exact.
    """
    return pd.read_csv(PUBLISHED / "published_curves.csv")
