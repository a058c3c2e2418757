"""Which runs of local-only another method's runs are held against."""

from benchmark.spec import Cell


def is_alone_for(alone: Cell, cell: Cell, tuned: bool = False) -> bool:
    """True if ``alone`` trains on ``cell``'s data what ``cell``'s clients keep, for as long.

    tuned: each has settings of its own. Otherwise those that both have are alike.
    """
    fields = ("data", "partition", "batch_size", "batches", "rounds", "evaluate_every")
    same = all(getattr(alone, name) == getattr(cell, name) for name in fields)
    trains = alone.participation == cell.participation
    trains &= cell.participation == "all" or alone.active_clients == cell.active_clients
    shared = alone.hyper.keys() & cell.hyper.keys()
    return (
        same
        and trains
        and alone.model == (cell.auxiliary or cell.model)
        and (tuned or all(alone.hyper[name] == cell.hyper[name] for name in shared))
    )
