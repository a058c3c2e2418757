"""What an experiment is and how it runs: specifications, the stacked engine, the store.

From Python: ``benchmark.run``, ``load``, ``plot`` and ``load_model``; see
:mod:`benchmark.notebook`, which is only imported when one of them is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.notebook import load, load_model, plot, run

__all__ = ["load", "load_model", "plot", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'benchmark' has no attribute {name!r}")
    from benchmark import notebook

    return getattr(notebook, name)
