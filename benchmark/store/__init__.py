"""Keep runs, checkpoints, locks and status on disk. Records are read without torch."""

from benchmark.spec.columns import SCORES, column
from benchmark.store.costs import Costs
from benchmark.store.record import FORMAT, MODELS, Run
from benchmark.store.runs import AGAIN, MOST, TABLES, Store, is_run, read_run, read_table

__all__ = [
    "AGAIN",
    "FORMAT",
    "MODELS",
    "MOST",
    "SCORES",
    "TABLES",
    "Costs",
    "Run",
    "Store",
    "column",
    "is_run",
    "read_run",
    "read_table",
]
