"""Reports on stored runs: tables, figures and pages; a report never starts a run."""

from reports.compare import compare
from reports.heatmap import partition_heatmap
from reports.load import reported
from reports.render import render
from reports.terminal import summary_text

__all__ = ["compare", "partition_heatmap", "render", "reported", "summary_text"]
