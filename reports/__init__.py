"""Reports on stored runs: tables, figures and pages; a report never starts a run."""

from reports.figure import figure
from reports.heatmap import partition_heatmap
from reports.printed import printed
from reports.render import render
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
