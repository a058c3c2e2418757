"""What an experiment is and how it runs: specifications, the stacked engine, the store.

From Python: ``benchmark.run``, ``benchmark.load`` and ``benchmark.plot``; see
:mod:`benchmark.notebook`, which is only imported when one of them is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.notebook import load, plot, run

__all__ = ["load", "plot", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'benchmark' has no attribute {name!r}")
    from benchmark import notebook

    return getattr(notebook, name)
