"""Results as tidy tables: one value per row, with everything that tells it from the others."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from benchmark.store import SCORES, column
from reports.names import model_name
from reports.results import Results
from reports.rows import flat
from reports.stored import Made

METRICS = {
    "accuracy": ("accuracy", "test"),
    "loss": ("loss", "test"),
    "train_loss": ("loss", "train"),
    "validation_accuracy": ("accuracy", "validation"),
    "validation_loss": ("loss", "validation"),
}
"""What a run's columns hold: the score, and the split that it was taken on."""
CELL = (
    *("experiment", "protocol", "cell", "dataset", "model", "partition", "active_clients"),
    *("method", "hyper", "rounds", "seed"),
)
SCORE_COLUMNS = (*CELL, "round", "models", "score", "split", "value")
CLIENT_COLUMNS = (*CELL, "round", "client", "samples", "models", "score", "split", "value")


def scores(results: Sequence[Results]) -> pd.DataFrame:
    """Every evaluation, columns SCORE_COLUMNS.

    models: ``global`` or ``personal``. score: ``accuracy`` (a fraction) or ``loss`` (nats), pooled
    over clients. split: ``test``, ``train`` or ``validation``. hyper: the settings that the
    experiment names, as JSON. rounds: of the whole run; round: of the evaluation, from 0.
    """
    return _stacked([_scores(one, made) for one in results for made in one.made.values()])


def clients(results: Sequence[Results]) -> pd.DataFrame:
    """The last evaluation client by client, columns CLIENT_COLUMNS; samples: those it is on."""
    return _stacked([_clients(one, made) for one in results for made in one.made.values()])


def numbers(results: Sequence[Results]) -> pd.DataFrame:
    """Every number of the pages' tables, ours beside the published one; see ``rows.flat``."""
    return pd.DataFrame(
        [{"experiment": one.experiment.name} | flat(row) for one in results for row in one.rows]
    )


def _stacked(parts: Sequence[Iterator[pd.DataFrame]]) -> pd.DataFrame:
    frames = [frame for part in parts for frame in part]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _scores(results: Results, made: Made) -> Iterator[pd.DataFrame]:
    for seed, history in made.histories.items():
        for models, score, split, name in _columns(history):
            kept = history[["round", name]].dropna()
            facts = _facts(results, made) | {"seed": seed}
            yield kept.rename(columns={name: "value"}).assign(
                **facts, models=models, score=score, split=split
            )[list(SCORE_COLUMNS)]


def _clients(results: Results, made: Made) -> Iterator[pd.DataFrame]:
    for seed, table in made.clients.items():
        last = made.histories[seed]["round"].iloc[-1]
        for models, score, split, name in _columns(table):
            samples = table.get(f"{split}_size", pd.NA)
            facts = _facts(results, made) | {"seed": seed, "round": last, "samples": samples}
            yield pd.DataFrame({"client": table["client"], "value": table[name]}).assign(
                **facts, models=models, score=score, split=split
            )[list(CLIENT_COLUMNS)]


def _columns(table: pd.DataFrame) -> Iterator[tuple[str, str, str, str]]:
    """Models, score and split of each column of scores, and its name."""
    for models in SCORES:
        for metric, (score, split) in METRICS.items():
            if (name := column(models, metric)) in table:
                yield models, score, split, name


def _facts(results: Results, made: Made) -> dict[str, Any]:
    cell = made.cell
    return {
        "experiment": results.experiment.name,
        "protocol": results.protocol.name,
        "cell": cell.key,
        "dataset": cell.data.name,
        "model": model_name(cell),
        "partition": cell.partition.kind,
        "active_clients": cell.active_clients,
        "method": cell.algorithm,
        "hyper": json.dumps(cell.hyper, sort_keys=True),
        "rounds": cell.rounds,
    }
