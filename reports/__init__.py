"""Reports on stored runs: tables, figures and pages; a report never starts a run."""

from reports.heatmap import partition_heatmap
from reports.render import render
from reports.results import compare, load_all
from reports.terminal import summary_text
from reports.tuning import draw_tuning

__all__ = [
    "compare",
    "draw_tuning",
    "load_all",
    "partition_heatmap",
    "render",
    "summary_text",
]
