"""Command-line options: groups of them that several commands share."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from benchmark.jobs.request import Request, experiments_of
from benchmark.places import COMMITTED, RUNS

Names = list[str]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Precision = Annotated[
    str, typer.Option(help="Precision of matrix products: float32, or tf32 on a GPU.")
]
DataRoot = Annotated[
    Path | None, typer.Option("--data-root", help="Folder of the data sets [PFL_DATA_ROOT].")
]
Download = Annotated[bool, typer.Option(help="Fetch missing data sets.")]
Datasets = Annotated[Names | None, typer.Option("--dataset", help="Only these data sets.")]
ProfileName = Annotated[
    str,
    typer.Option("--profile", help="How much to run: smoke (seconds), quick, short, paper, …"),
]
Protocols = Annotated[
    Names | None, typer.Option("--protocol", help="as_run, as_described, or a TOML file.")
]
RunsFolder = Annotated[Path, typer.Option("--store", help="Folder where runs are kept.")]
ResultsFolder = Annotated[
    Path, typer.Option("--store", help="Folder of runs; by default the committed results.")
]


@dataclass(frozen=True, kw_only=True)
class Reported:
    """Experiments, and which part of them to read."""

    experiments: Annotated[
        Names, typer.Argument(help="Names, TOML files, or groups such as paper (see list).")
    ]
    profile: ProfileName = "paper"
    protocol: Protocols = None
    store: ResultsFolder = COMMITTED


@dataclass(frozen=True, kw_only=True)
class Selected:
    """Experiments, and which of their runs."""

    experiments: Annotated[
        Names, typer.Argument(help="Names, TOML files, or groups such as paper (see list).")
    ]
    profile: ProfileName = "paper"
    protocol: Protocols = None
    algorithm: Annotated[
        Names | None,
        typer.Option("--algorithm", help="Only these methods: names, or paths of Python files."),
    ] = None
    dataset: Datasets = None
    seeds: Annotated[
        str | None, typer.Option(help="How many seeds (5), or which ones (0,3,4 or 7,).")
    ] = None
    store: RunsFolder = RUNS

    @property
    def request(self) -> Request:
        """The same, checked. Raises BenchmarkError."""
        return Request(
            experiments=experiments_of(self.experiments),
            profile=self.profile,
            protocols=tuple(self.protocol or ()),
            algorithms=tuple(self.algorithm or ()),
            datasets=tuple(self.dataset or ()),
            seeds=self.seeds,
        )


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, with the fields of each dataclass among its parameters as parameters."""
    parameters = inspect.signature(command, eval_str=True).parameters
    groups: dict[str, Any] = {
        name: p.annotation for name, p in parameters.items() if is_dataclass(p.annotation)
    }
    flat = [
        each
        for name, parameter in parameters.items()
        for each in (_fields(groups[name]) if name in groups else [parameter])
    ]

    @wraps(command)
    def called(**given: Any) -> Any:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        return command(**made, **given)

    keyword_only = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in flat]
    called.__signature__ = inspect.Signature(keyword_only)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in flat}
    return called


def _fields(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
