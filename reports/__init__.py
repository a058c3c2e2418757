"""Reports on stored runs: tables, figures and pages; a report never starts a run."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.figures import figure
    from reports.heatmap import partition_heatmap
    from reports.printing import printed
    from reports.rendering import render
    from reports.results import compare, load_all
    from reports.terminal import summary_text
    from reports.tidy import clients, numbers, scores
    from reports.tuning import draw_tuning

__all__ = [
    "clients",
    "compare",
    "draw_tuning",
    "figure",
    "load_all",
    "numbers",
    "partition_heatmap",
    "printed",
    "render",
    "scores",
    "summary_text",
]

_PLACES = {
    "clients": "tidy",
    "compare": "results",
    "draw_tuning": "tuning",
    "figure": "figures",
    "load_all": "results",
    "numbers": "tidy",
    "partition_heatmap": "heatmap",
    "printed": "printing",
    "render": "rendering",
    "scores": "tidy",
    "summary_text": "terminal",
}
"""The module of each function. No module has the name of one, as it would hide the function."""


def __getattr__(name: str) -> Any:
    """Import a function at its first use: numbers need neither matplotlib nor a page's template."""
    if name not in _PLACES:
        raise AttributeError(f"module 'reports' has no attribute {name!r}")
    return getattr(import_module(f"reports.{_PLACES[name]}"), name)
