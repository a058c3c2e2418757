"""The command ``list``: every name that the command line accepts."""

import ast
from collections.abc import Iterator

from benchmark import places
from benchmark.cli.output import console
from benchmark.places import algorithm_names, experiment_names, protocol_names
from benchmark.spec import MODELS, experiment_groups, load_experiment, load_protocol
from datasets import SOURCES
from datasets.partitions import KINDS


def list_() -> None:
    """Show experiments, protocols, data sets, models, partitions and methods."""
    sections = {
        "experiments": _experiments(),
        "groups of experiments": ((g, ", ".join(m)) for g, m in experiment_groups().items()),
        "protocols": ((name, load_protocol(name).description) for name in protocol_names()),
        "data sets": ((name, _options(name)) for name in SOURCES),
        "models": ((name, "") for name in MODELS),
        "partitions": ((name, "") for name in KINDS),
        "methods": ((name, _title(name)) for name in algorithm_names()),
    }
    for heading, entries in sections.items():
        shown = list(entries)
        width = max(len(name) for name, _ in shown)
        console.print(f"{heading}:")
        for name, text in shown:
            console.print(f"  {name:<{width}}  {text}".rstrip())


def _experiments() -> Iterator[tuple[str, str]]:
    for name in experiment_names():
        experiment = load_experiment(name)
        profiles = ", ".join(experiment.profiles)
        yield name, f"{experiment.title} [{profiles}; {', '.join(experiment.protocols)}]"


def _options(data: str) -> str:
    return ", ".join(f"{name} = {value:g}" for name, value in SOURCES[data].items())


def _title(method: str) -> str:
    """The first line of the docstring of a method's file; the file is not imported."""
    text = (places.ALGORITHMS / f"{method}.py").read_text(encoding="utf-8")
    try:
        return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
    except (SyntaxError, ValueError):
        return "not Python"
