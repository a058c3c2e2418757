"""Command-line options: groups of them that several commands share."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from benchmark.errors import BenchmarkError
from benchmark.jobs.request import LARGEST_SEED, Request, experiments_of, files_by_name
from benchmark.places import COMMITTED, RUNS
from benchmark.spec import Experiment

Names = list[str]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
Precision = Annotated[
    str, typer.Option(help="Precision of matrix products: float32, or tf32 on a GPU.")
]
DataRoot = Annotated[
    Path | None,
    typer.Option("--data-root", help="Folder of the data sets; by default PFL_DATA_ROOT."),
]
Download = Annotated[bool, typer.Option(help="Download missing data sets.")]
Datasets = Annotated[Names | None, typer.Option("--dataset", help="Only these data sets.")]
Models = Annotated[Names | None, typer.Option("--model", help="Only these models.")]
Algorithms = Annotated[
    Names | None,
    typer.Option("--algorithm", help="Only these methods: names, or paths of Python files."),
]
Settings = Annotated[
    Names | None,
    typer.Option("--set", help="Change a setting of every run, such as rounds=100 or hyper.lam=5."),
]
ProfileName = Annotated[
    str,
    typer.Option("--profile", help="How much to run: smoke (seconds), quick, short, paper, …"),
]
Protocols = Annotated[
    Names | None,
    typer.Option(
        "--protocol", help="Protocols: as_run, as_described, … (see list), or TOML files."
    ),
]
RunsFolder = Annotated[Path, typer.Option("--store", help="Folder where runs are kept.")]
ResultsFolder = Annotated[
    Path, typer.Option("--store", help="Folder of runs; by default the committed results.")
]


@dataclass(frozen=True, kw_only=True)
class Reported:
    """Options that select stored results of experiments."""

    experiments: Annotated[
        Names, typer.Argument(help="Names, TOML files, or groups such as paper (see list).")
    ]
    profile: ProfileName = "paper"
    protocol: Protocols = None
    settings: Settings = None
    dataset: Datasets = None
    model: Models = None
    algorithm: Algorithms = None
    store: ResultsFolder = COMMITTED

    @property
    def methods(self) -> dict[str, str]:
        """Paths of users' methods by name. Raises BenchmarkError."""
        return files_by_name(self.algorithm or ())

    @property
    def chosen(self) -> tuple[Experiment, ...]:
        """The experiments with users' models and the settings of ``--set``.

        Paths say where a user's model or method is. Names narrow the experiments, which only
        ``--set`` allows: other pages show every run. Raises BenchmarkError.
        """
        narrowed = {"dataset": self.dataset, "model": self.model, "algorithm": self.algorithm}
        for option, names in narrowed.items():
            for name in names or ():
                if not self.settings and (option == "dataset" or not name.endswith(".py")):
                    raise BenchmarkError(
                        f"--{option} {name}: a page shows every run of an experiment; allowed "
                        "without --set: your own Python file"
                    )
        return experiments_of(
            self.experiments,
            self.settings or (),
            datasets=self.dataset or (),
            models=self.model or (),
            algorithms=self.algorithm or (),
        )


@dataclass(frozen=True, kw_only=True)
class Selected:
    """Options that select runs of experiments."""

    experiments: Annotated[
        Names, typer.Argument(help="Names, TOML files, or groups such as paper (see list).")
    ]
    profile: ProfileName = "paper"
    protocol: Protocols = None
    settings: Settings = None
    dataset: Datasets = None
    model: Models = None
    algorithm: Algorithms = None
    seeds: Annotated[
        str | None,
        typer.Option(help="How many seeds (5), or which ones (0,3,4; a single one: 7,)."),
    ] = None
    seed: Annotated[
        int | None, typer.Option(min=0, max=LARGEST_SEED, help="One seed, by its number.")
    ] = None
    store: RunsFolder = RUNS

    @property
    def request(self) -> Request:
        """The options as a checked request. Raises BenchmarkError."""
        if self.seeds is not None and self.seed is not None:
            raise BenchmarkError("--seeds and --seed: allowed: one of them")
        datasets, models = tuple(self.dataset or ()), tuple(self.model or ())
        algorithms = tuple(self.algorithm or ())
        return Request(
            experiments=experiments_of(
                self.experiments,
                self.settings or (),
                datasets=datasets,
                models=models,
                algorithms=algorithms,
            ),
            profile=self.profile,
            protocols=tuple(self.protocol or ()),
            algorithms=algorithms,
            datasets=datasets,
            models=models,
            seeds=self.seeds if self.seed is None else f"{self.seed},",
        )


def with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, with each parameter that is a dataclass replaced by the dataclass's fields."""
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
    # inspect reads this attribute, which the type of functions does not declare.
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
