"""Numbers that other papers print for a method, beside ours; they get no verdict."""

import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Literal

from pydantic import Field

from benchmark.errors import BenchmarkError
from benchmark.places import PUBLISHED
from benchmark.spec import Record
from benchmark.spec.validation import parse
from reports.names import SCORES, data_label, method_name, model_name
from reports.results import Results
from reports.rows import NOT_RUN, Row
from reports.tables import entry

HEADINGS = ("setting", "method", "published", "ours", "length", "published number")
READ = {"read": "read at the source", "recalled": "recalled, to be checked"}
Percent = Annotated[float, Field(ge=0, le=100)]


class Column(Record):
    """Numbers of one setting, in percent, by method."""

    dataset: str
    """Name of the data set."""
    model: str
    """Name of the model."""
    partition: str
    """The partition in the words of its kind: ``Dirichlet(0.5)``."""
    personal: dict[str, Percent] = Field(default_factory=dict)
    """Accuracy of the personalised models."""
    global_: dict[str, Percent] = Field(default_factory=dict, alias="global")
    """Accuracy of the global model."""

    def numbers(self) -> Iterator[tuple[str, str, float]]:
        """Triples of method, scores and number."""
        for scores, found in (("global", self.global_), ("personal", self.personal)):
            yield from ((method, scores, mean) for method, mean in found.items())


class Paper(Record):
    """A source of printed numbers, and those that an experiment is compared with."""

    experiment: str
    """Name of the experiment that repeats it."""
    source: str
    """Authors, title, venue and table, or a repository."""
    state: Literal["read", "recalled"]
    """``read``: copied from the source. ``recalled``: not yet checked there."""
    note: str
    """What is known about how the numbers were made, and how ours differ."""
    columns: tuple[Column, ...]
    """The numbers by setting."""


class File(Record):
    """The file of all papers."""

    papers: tuple[Paper, ...]
    """The papers."""


def lines(results: Results) -> list[tuple[str, ...]]:
    """A line of text for each number that is printed for the experiment, run or not."""
    return [
        _line(paper, column, method, scores, mean, results)
        for paper in _papers(results)
        for column in paper.columns
        for method, scores, mean in column.numbers()
    ]


def notes(results: Results) -> str:
    """The sources, and how their numbers were made; empty where there are none."""
    found = [f"{paper.source}: {READ[paper.state]}. {paper.note}" for paper in _papers(results)]
    if found:
        found.append("There are no verdicts: too little is known about how they were made.")
    return " ".join(found)


def _papers(results: Results) -> list[Paper]:
    return [paper for paper in _every() if paper.experiment == results.experiment.name]


@cache
def _every() -> tuple[Paper, ...]:
    path = PUBLISHED / "other_papers.toml"
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path}: {error}") from None
    return parse(File, data, str(path)).papers


def _line(
    paper: Paper, column: Column, method: str, scores: str, mean: float, results: Results
) -> tuple[str, ...]:
    row = next((r for r in results.rows if _is_about(r, column, method, scores)), None)
    ours = entry(row).ours or entry(row).verdict if row else NOT_RUN
    return (
        f"{data_label(column.dataset, column.model)}, {column.partition}",
        f"{method_name(method)} ({SCORES[scores]})",
        f"{mean:g}",
        ours,
        row.runs.length if row and row.runs else "–",
        READ[paper.state],
    )


def _is_about(row: Row, column: Column, method: str, scores: str) -> bool:
    if row.runs is None or (row.series.algorithm, row.series.scores) != (method, scores):
        return False
    cell = row.runs.made.cell
    here = cell.data.name, model_name(cell), cell.partition.words
    return here == (column.dataset, column.model, column.partition)
