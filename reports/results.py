"""Results: what a store holds of an experiment, beside what the paper published."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.places import experiment_names
from benchmark.spec import Experiment, Protocol, load_experiment, load_protocol
from benchmark.store import Store
from reports.comparison import rows
from reports.methods import Methods
from reports.published import published_tables
from reports.rows import Row, flat
from reports.settings import Setting, sort_key
from reports.stored import FULL_SCALE, Library, Stored, read


class Results(Stored):
    """The stored runs of one experiment under one protocol, with the rows they make."""

    @cached_property
    def rows(self) -> list[Row]:
        """Every published number of the experiment's table, then what has no published number."""
        return rows(self)

    @property
    def has_published(self) -> bool:
        """True if the paper prints any of the numbers."""
        return any(row.published for row in self.rows)

    @cached_property
    def main_rows(self) -> list[Row]:
        """The rows to compare methods by: all beside published numbers; else personal scores,
        and global ones of methods that have no others."""
        if self.has_published:
            return self.rows
        personal = {r.series.algorithm for r in self.rows if r.series.scores == "personal"}
        return [
            row
            for row in self.rows
            if row.series.scores == "personal" or row.series.algorithm not in personal
        ]

    def is_guest(self, row: Row) -> bool:
        """Whether the row's method is one that no grid of the experiment names."""
        names = {row.series.algorithm, "*"}
        return not any(names & {*grid.algorithm} for grid in self.experiment.grid)

    @cached_property
    def columns(self) -> list[Setting]:
        """The settings of the rows, in the order of columns."""
        return sorted({row.setting for row in self.rows}, key=sort_key)


def load(experiment: Experiment, protocol: Protocol, profile: str, library: Library) -> Results:
    """The results of one experiment under one protocol, whether or not it was run."""
    return Results(**vars(read(experiment, protocol, profile, library)))


def load_all(
    names: Sequence[str | Experiment],
    store: Path,
    profile: str,
    protocols: Sequence[str] | None = None,
    methods: Mapping[str, str] = MappingProxyType({}),
) -> list[Results]:
    """Results of every experiment under ``protocols``, or else under those with any run.

    methods: files of methods that are not built in, by name; see :class:`reports.methods.Methods`.
    Of several experiments, those without any run are left out. Raises BenchmarkError, naming the
    store and the command that makes the runs, where there is nothing to report, or where one of
    the protocols asked for has no run.
    """
    library = Library(Store(store), Methods(methods))
    found: list[Results] = []
    for name in names:
        experiment = load_experiment(name)
        chosen = [load_protocol(p) for p in (protocols or experiment.protocols)]
        every = [load(experiment, protocol, profile, library) for protocol in chosen]
        some = [results for results in every if results.made]
        if not some and len(names) > 1:
            continue
        if not some or (protocols and len(some) < len(every)):
            missing = next(results.protocol for results in every if not results.made)
            raise BenchmarkError(_nothing(experiment, missing, profile, library))
        found += some
    if not found:
        load_all(names[:1], store, profile, protocols)  # says how to make its runs
    return found


def published_results(found: Sequence[Results]) -> list[Results]:
    """The results of every published table in the store of ``found``, each number once.

    Each table's own experiment counts, under the first protocol of ``found`` that shows a
    published number; another experiment may show a table's numbers beside its own. Empty where
    none of ``found`` is a published table's own experiment.
    """
    own = [each for each in found if each.experiment.name == f"table{each.experiment.table}"]
    if not own:
        return []
    known = {(each.experiment.name, each.protocol.name): each for each in reversed(own)}
    protocol, profile, library = own[0].protocol, own[0].profile, own[0].library
    tables = []
    for number in sorted(published_tables()["table"].unique()):
        name = f"table{number}"
        if name in experiment_names():
            experiment = load_experiment(name)
            results = known.get((name, protocol.name)) or (
                load(experiment, protocol, profile, library)
                if profile in experiment.profiles
                else None
            )
            tables += [results] if results else []
    return tables


def _nothing(experiment: Experiment, protocol: Protocol, profile: str, library: Library) -> str:
    others = [
        other
        for other in experiment.profiles
        if other != profile and load(experiment, protocol, other, library).made
    ]
    name = experiment.name
    name += "" if name in experiment_names() else ".toml"
    command = f"python -m benchmark run {name} --profile {profile} --protocol {protocol.name}"
    hint = f" (it has those of --profile {others[0]})" if others else ""
    return (
        f"{library.store.root}: no run of {name} under {protocol.name}, profile {profile}{hint}; "
        f"make them with: {command}"
    )


def compare(
    names: Sequence[str | Experiment],
    store: Path,
    profile: str = FULL_SCALE,
    protocols: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """A JSON-safe record (``rows.flat``) for every published number of the experiments.

    Percent; numbers that do not exist are None, never NaN. ``protocols`` defaults to the
    first of each experiment, so that every published number appears once.
    """
    library = Library(Store(store))
    found = []
    for name in names:
        experiment = load_experiment(name)
        for protocol in protocols or experiment.protocols[:1]:
            results = load(experiment, load_protocol(protocol), profile, library)
            found += [flat(row) for row in results.rows if row.published is not None]
    return found
