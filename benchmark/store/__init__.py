"""What is kept: runs, checkpoints, locks and status. Records are readable without torch."""

from benchmark.store.runs import (
    AGAIN,
    FORMAT,
    MOST,
    TABLES,
    Run,
    Store,
    read_run,
    read_table,
    write_synced,
)

__all__ = [
    "AGAIN",
    "FORMAT",
    "MOST",
    "TABLES",
    "Run",
    "Store",
    "read_run",
    "read_table",
    "write_synced",
]
