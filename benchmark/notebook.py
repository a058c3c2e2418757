"""Run experiments from Python, load their numbers as tables, and draw their curves.

    import benchmark

    found = benchmark.run("table1", profile="quick", algorithms=["pfml", "fedavg"])
    found.scores                                 # a DataFrame, one row per evaluation
    benchmark.load("table1").numbers             # the committed results beside the paper's
    benchmark.plot("figure2", "figure2.pdf", series=["PFML", "FedAvg"])
    benchmark.load_model("digits-mlr-pfml", seed=0, client=3)      # a torch.nn.Module

In a notebook anywhere on the machine, ``import pfl_benchmark`` first (see docs/python.md).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.errors import BenchmarkError
from benchmark.places import COMMITTED, RUNS
from benchmark.spec import Experiment, Scalar

if TYPE_CHECKING:
    from torch import nn

Names = str | Sequence[str]


@dataclass(frozen=True, eq=False)
class Loaded:
    """Stored results of experiments; every table is made when it is first asked for."""

    results: tuple[Any, ...]
    """One ``reports.results.Results`` per experiment and protocol."""

    @cached_property
    def scores(self) -> pd.DataFrame:
        """(evaluations, 16): every score of every run.

        Columns experiment, protocol, cell, dataset, model, partition, active_clients, method,
        hyper (JSON), rounds, seed, round (from 0), models (``global``, ``personal``), score
        (``accuracy``: a fraction; ``loss``: nats), split (``test``, ``train``, ``validation``),
        value (pooled over clients).
        """
        import reports

        return reports.scores(self.results)

    @cached_property
    def clients(self) -> pd.DataFrame:
        """(clients × scores, 18): the last evaluation client by client.

        The columns of ``scores`` and client, samples (how many the value is taken on).
        """
        import reports

        return reports.clients(self.results)

    @cached_property
    def numbers(self) -> pd.DataFrame:
        """(numbers, 33): every number of the pages' tables, in percent, beside the published one.

        ours_mean, ours_std, ours_low, ours_high (95 % interval), paper_mean, paper_std, difference,
        verdict, older (True: the method's file has changed since) and what tells the number
        from the others.
        """
        import reports

        return reports.numbers(self.results)

    @cached_property
    def printed(self) -> pd.DataFrame:
        """(fields, 6): what the pages' other tables print, as text.

        Columns experiment, protocol, table (``across``, ``clients``, ``costs``, ``distances``,
        ``readings``), line, column, text.
        """
        import reports

        return reports.printed(self.results)


def run(
    experiments: Names,
    *,
    profile: str = "paper",
    protocols: Names = (),
    algorithms: Names = (),
    datasets: Names = (),
    models: Names = (),
    seeds: int | Sequence[int] | None = None,
    settings: Mapping[str, Scalar] | None = None,
    listen: Callable[[Any], None] = lambda event: None,
    store: Path | str = RUNS,
    **means: Any,
) -> Loaded:
    """Train the missing runs of the experiments and load all of them.

    experiments: names, TOML files or groups. algorithms: names, or paths of Python files. seeds:
    how many, or which ones. settings: fields of every cell, such as ``{"rounds": 100,
    "hyper.lam": 5}``. listen: called with every ``benchmark.jobs.job.Event``. means:
    further fields of ``benchmark.jobs.session.Means``: jobs (1 unless given; more need a script
    with ``if __name__ == "__main__":``), device, data_root, download, rerun, keep_older,
    keep_models, …

    Repeat an interrupted call to continue it. Raises BenchmarkError, one line, for what cannot be
    run, and JobsFailed if a run failed.
    """
    from benchmark.jobs.request import Request
    from benchmark.jobs.session import Means, prepare

    request = Request(
        experiments=_experiments(experiments, settings, datasets, models, algorithms),
        profile=profile,
        protocols=_names(protocols),
        algorithms=_names(algorithms),
        datasets=_names(datasets),
        models=_names(models),
        seeds=_seeds(seeds),
    )
    how = Means(store=Path(store), **{"jobs": 1} | means)
    prepare(request, how, "benchmark.run").train(listen)
    return _loaded(request.experiments, store, profile, request.protocols, request.methods)


def load(
    experiments: Names,
    *,
    profile: str = "paper",
    protocols: Names = (),
    settings: Mapping[str, Scalar] | None = None,
    store: Path | str = COMMITTED,
) -> Loaded:
    """The stored results of the experiments; by default the committed ones.

    protocols: names or TOML files; empty: those under which the store has any run. Raises
    BenchmarkError, which names the command that makes the runs, if there is none.
    """
    return _loaded(_experiments(experiments, settings), store, profile, _names(protocols))


def plot(
    experiment: str,
    path: Path | str,
    *,
    series: Names = (),
    style: str | None = None,
    profile: str = "paper",
    protocol: str | None = None,
    store: Path | str = COMMITTED,
) -> Path:
    """Draw the curves of an experiment as pdf, svg, png, eps or pgf; returns the file.

    series: methods (``PFML``) or lines (``PFML (PM)``); empty: all. style: a matplotlib style, by
    name or file. protocol: None: the experiment's first. Raises BenchmarkError, one line.
    """
    import reports

    (one,) = _experiments(experiment, None)
    found = _loaded([one], store, profile, [protocol or one.protocols[0]])
    return reports.figure(found.results[0], Path(path), _names(series), style)


def load_model(
    cell: str,
    seed: int = 0,
    *,
    client: int | None = None,
    into: "nn.Module | None" = None,
    store: Path | str = RUNS,
) -> "nn.Module":
    """A final model of a run that was made with ``keep_models=True`` (``--keep-models``).

    cell: its name (a column of ``scores``), or a part that no other cell has. client: the number of
    a client (from 0), for its personalised model; None: the global model. into: a module of the
    same architecture that takes the parameters; None: it is built as the cell says.

    The model is the one behind the last row of the run's scores: where a protocol scores the global
    model before a round's training, it lacks the last round's training. Inputs are scaled as
    ``data.scaling`` of the cell says. Raises BenchmarkError, one line.
    """
    from benchmark.store import Store
    from benchmark.store.models import read_model
    from benchmark.store.named import runs_named

    found = {run.seed: (folder, run) for folder, run in runs_named(Store(Path(store)), cell)}
    if seed not in found:
        there = ", ".join(map(str, found))
        raise BenchmarkError(f"{cell}: no run of seed {seed}, allowed: {there}")
    return read_model(*found[seed], client, into)


def _loaded(
    experiments: Sequence[Experiment],
    store: Path | str,
    profile: str,
    protocols: Sequence[str],
    methods: Mapping[str, str] = MappingProxyType({}),
) -> Loaded:
    import reports

    found = reports.load_all(experiments, Path(store), profile, protocols or None, methods)
    return Loaded(tuple(found))


def _experiments(
    experiments: Names,
    settings: Mapping[str, Scalar] | None,
    datasets: Names = (),
    models: Names = (),
    algorithms: Names = (),
) -> tuple[Experiment, ...]:
    from benchmark.jobs.request import experiments_of

    texts = [f"{path}={_spelled(value)}" for path, value in (settings or {}).items()]
    return experiments_of(
        _names(experiments),
        texts,
        datasets=_names(datasets),
        models=_names(models),
        algorithms=_names(algorithms),
    )


def _names(names: Names) -> tuple[str, ...]:
    return (str(names),) if isinstance(names, str | Path) else tuple(map(str, names))


def _seeds(seeds: int | Sequence[int] | None) -> str | None:
    if seeds is None or isinstance(seeds, int):
        return None if seeds is None else str(seeds)
    return ",".join(map(str, seeds)) + ","


def _spelled(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
