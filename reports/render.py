"""Reports as files: Markdown and LaTeX for each experiment, one HTML page for all, pictures."""

import base64
import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import jinja2

from reports import clients, costs, inconsistencies, verdicts
from reports.curves import Panel
from reports.equivalence import INTERVALS, RULE
from reports.names import REDUCTIONS
from reports.plots import draw_one
from reports.results import Results
from reports.sections import Section, section

TEMPLATES = Path(__file__).parent / "templates"
LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"±": r"$\pm$", "−": "$-$", "Δ": r"$\Delta$", "·": r"$\cdot$", "√": r"$\surd$"},
    **{"≤": r"$\leq$", "²": r"$^2$", "|": "$|$", "<": "$<$", ">": "$>$"},
    **{"λ": r"$\lambda$", "β": r"$\beta$", "η": r"$\eta$", "α": r"$\alpha$", "μ": r"$\mu$"},
}


def render(found: Sequence[Results], out: Path) -> list[Path]:
    """Write the report on results into ``out``; returns every file, pages first.

    ``<experiment>.md`` and ``.tex`` each, ``index.html`` for all, ``verdicts.md`` and
    ``inconsistencies.md`` where several published tables are among them, and
    ``figures/<experiment>-<protocol>.png`` and ``.svg``. Results of one experiment stand
    together.
    """
    sections = [section(results, out / "figures") for results in found]
    pages = []
    for name, group in groupby(sections, key=lambda one: one.experiment):
        same = list(group)
        pages += [
            _write(out / f"{name}.md", "report.md.j2", same),
            _write(out / f"{name}.tex", "report.tex.j2", same),
        ]
    pages.append(_write(out / "index.html", "page.html.j2", sections))
    if len({one.experiment for one in sections if one.verdicts}) > 1:
        texts = {
            "verdicts.md": verdicts.page([row for one in _counted(found) for row in one.rows]),
            "inconsistencies.md": inconsistencies.page(),
        }
        for name, text in texts.items():
            pages.append(out / name)
            pages[-1].write_text(text, encoding="utf-8")
    return pages + [path for one in sections for path in (*one.figures, *one.costs_figures)]


def _counted(found: Sequence[Results]) -> list[Results]:
    """The results of each table's own experiment, under the first of its protocols: every number
    once. Another experiment may show a table's numbers beside its own."""
    return [
        one
        for one in found
        if one.protocol.name == one.experiment.protocols[0]
        and one.experiment.name == f"table{one.experiment.table}"
    ]


def latex(text: object) -> str:
    """Text with every character that LaTeX reads as a command, or lacks, spelled out."""
    return "".join(LATEX.get(character, character) for character in str(text))


def _write(path: Path, template: str, sections: Sequence[Section]) -> Path:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        autoescape=template.endswith(".html.j2"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    if template.endswith(".tex.j2"):
        environment = environment.overlay(  # braces are LaTeX's own
            block_start_string="<%",
            block_end_string="%>",
            variable_start_string="<<",
            variable_end_string=">>",
        )
    environment.filters |= {"latex": latex, "pipes": _pipes}
    environment.filters |= {"inline": _inline, "embedded": _embedded}
    protocols = {one.protocol.name: one.protocol for one in sections}
    text = environment.get_template(template).render(
        sections=sections,
        protocols=list(protocols.values()),
        reductions=REDUCTIONS,
        rule=RULE,
        intervals=INTERVALS,
        clients_note=clients.NOTE,
        clients_headings=clients.HEADINGS,
        costs_note=costs.NOTE,
        costs_headings=costs.HEADINGS,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _pipes(text: object) -> str:
    """Safe in a place of a Markdown table."""
    return str(text).replace("|", "\\|")


def _inline(panel: Panel) -> str:
    """The panel as a data address, so that the page needs no other file."""
    with tempfile.TemporaryDirectory() as folder:
        return _embedded(draw_one(panel, Path(folder) / "panel"))


def _embedded(picture: Path) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(picture.read_bytes()).decode("ascii")
