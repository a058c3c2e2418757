"""The way into the checkout from anywhere: the command ``pfl``, and ``import pfl_benchmark``.

This is the only module that an editable install puts on the path; it alone knows where the
checkout lies. Importing it puts the checkout first on the path of this process, so that ``import
benchmark`` works, and ``datasets`` and ``reports`` are those of the checkout.
"""

import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[3]

if not (CHECKOUT / "benchmark" / "places.py").is_file():
    sys.exit("error: pfl-benchmark runs from its checkout: install it with pip install -e .")
if str(CHECKOUT) not in sys.path:
    sys.path.insert(0, str(CHECKOUT))


def main() -> None:
    """The command line, as ``python -m benchmark`` in the checkout."""
    from benchmark.cli.commands import app

    app(prog_name="pfl")


def __getattr__(name: str) -> Any:
    """``run``, ``load``, ``plot`` and ``load_model`` of :mod:`benchmark`."""
    if name not in ("run", "load", "plot", "load_model"):
        raise AttributeError(f"module 'pfl_benchmark' has no attribute {name!r}")
    from benchmark import notebook

    return getattr(notebook, name)
