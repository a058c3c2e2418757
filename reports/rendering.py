"""Reports as files: Markdown and LaTeX for each experiment, one HTML page for all, pictures."""

import tempfile
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import jinja2

from benchmark.errors import writing
from datasets.files import write_whole
from reports import (
    costs,
    gains,
    inconsistencies,
    other_papers,
    overview,
    per_client,
    ranking,
    site,
    tuning,
    verdicts,
)
from reports.equivalence import INTERVALS, RULE
from reports.names import REDUCTION_TEXT
from reports.results import Results, published_results
from reports.sections import Section, section

TEMPLATES = Path(__file__).parent / "templates"
LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{
        "±": r"$\pm$",
        "−": "$-$",
        "Δ": r"$\Delta$",
        "·": r"$\cdot$",
        "†": r"$\dagger$",
        "√": r"$\surd$",
    },
    **{"≤": r"$\leq$", "²": r"$^2$", "|": "$|$", "<": "$<$", ">": "$>$"},
    **{"λ": r"$\lambda$", "β": r"$\beta$", "η": r"$\eta$", "α": r"$\alpha$", "μ": r"$\mu$"},
    **{"γ": r"$\gamma$", "δ": r"$\delta$", "ν": r"$\nu$", "ξ": r"$\xi$", "σ": r"$\sigma$"},
}


MARKDOWN = frozenset("\\`*[]<>|")
"""Characters that Markdown may read as markup; an underscore within a word is none."""


def render(found: Sequence[Results], out: Path) -> list[Path]:
    """Write the report on results into ``out``; returns every file, pages first.

    ``<experiment>.md`` and ``.tex`` each, ``index.html`` for all, and pictures in ``figures/``;
    ``<experiment>-trials.md`` with every trial of a tuned one.
    Where the results are of a published table, also ``verdicts.md``, ``inconsistencies.md`` and
    the overview, on every published table that the store has runs of. ``index.html`` keeps what
    it has of other experiments. Every file is replaced whole or not at all, once all of them are
    made. Raises BenchmarkError naming the file that cannot be written.
    """
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder)
        with writing(draft):
            made = _draft(found, draft, out)
        for path in made:
            target = out / path.relative_to(draft)
            with writing(target):
                write_whole(target, path.read_bytes())
    return [out / path.relative_to(draft) for path in made]


def _draft(found: Sequence[Results], draft: Path, out: Path) -> list[Path]:
    """Every file of the report, in ``draft``; ``out`` has the index that is added to."""
    sections = [section(results, draft / "figures") for results in found]
    groups = [(name, list(same)) for name, same in groupby(sections, key=lambda s: s.experiment)]
    pages = [
        _write(draft / f"{name}.{kind}", f"report.{kind}.j2", sections=same)
        for name, same in groups
        for kind in ("md", "tex")
    ] + [
        _write(draft / f"{name}-trials.md", "trials.md.j2", sections=same)
        for name, same in groups
        if any(each.tuning for each in same)
    ]
    tables = published_results(found)
    drawn = overview.draw(tables, draft / "figures") if tables else []
    pages.append(_index(groups, tables, drawn, draft, out))
    if tables:
        rows = [row for results in tables for row in results.rows]
        texts = {"verdicts.md": verdicts.page(rows), "inconsistencies.md": inconsistencies.page()}
        for name, text in texts.items():
            pages.append(draft / name)
            pages[-1].write_text(text, encoding="utf-8")
    pictures = [path for each in sections for path in _pictures(each)]
    return [*pages, *pictures, *drawn]


def _pictures(each: Section) -> list[Path]:
    """Every picture of a section."""
    across = [*each.across.gains, *each.across.clients] if each.across else []
    tried = [path for tuned in each.tuning for path in tuned.figures]
    return [*each.picture.files, *each.costs_figures, *across, *tried]


def _index(
    groups: Sequence[tuple[str, list[Section]]],
    tables: Sequence[Results],
    drawn: Sequence[Path],
    draft: Path,
    out: Path,
) -> Path:
    """The HTML page: the overview, then a block for each experiment, old ones kept."""
    rows = [row for results in tables for row in results.rows]
    blocks = site.blocks_of(out / "index.html")
    blocks |= {name: _render("experiment.html.j2", sections=same) for name, same in groups}
    if tables:
        blocks[site.OVERVIEW] = _render(
            "overview.html.j2",
            findings=overview.findings(tables),
            pictures=[path.name for path in drawn if path.suffix == ".svg"],
            caption=overview.CAPTION,
            headings=verdicts.HEADINGS,
            counted=verdicts.counted(rows, is_linked=False),
            how_to_read=verdicts.HOW_TO_READ,
        )
    ordered = site.ordered(blocks)
    return _write(draft / "index.html", "page.html.j2", blocks=ordered, titles=site.titles(ordered))


def latex(text: object) -> str:
    """Text with every character that LaTeX reads as a command, or lacks, spelled out."""
    return "".join(LATEX.get(character, character) for character in str(text))


def _write(path: Path, template: str, **values: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_render(template, **values), encoding="utf-8")
    return path


def _render(template: str, **values: object) -> str:
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
    environment.filters |= {"latex": latex, "pipes": _pipes, "plain": plain, "fenced": _fenced}
    return environment.get_template(template).render(
        reductions=REDUCTION_TEXT,
        rule=RULE,
        intervals=INTERVALS,
        clients_note=per_client.NOTE,
        clients_headings=per_client.HEADINGS,
        ranking=ranking,
        gains=gains,
        tuning=tuning,
        costs_note=costs.NOTE,
        others_headings=other_papers.HEADINGS,
        costs_headings=costs.HEADINGS,
        **values,
    )


def plain(text: object) -> str:
    """Text from a file as Markdown that shows it as it is: no markup, no HTML, one line."""
    shown = " ".join(str(text).split())
    return "".join(f"\\{sign}" if sign in MARKDOWN else sign for sign in shown)


def _fenced(text: object) -> str:
    """Text from a file on one line of a Markdown code block, which it cannot end."""
    return " ".join(str(text).split()).replace("```", "~~~")


def _pipes(text: object) -> str:
    """Safe in a place of a Markdown table."""
    return str(text).replace("|", "\\|")
