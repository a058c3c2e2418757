"""Paths in a checkout, and the names of the files found there."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The folder of the checkout."""
ALGORITHMS = ROOT / "algorithms"
ENGINE = ROOT / "benchmark" / "engine"
"""Files that can change the bits of a result, like those of MODELS."""
MODELS = ROOT / "benchmark" / "models"
EXPERIMENTS = ROOT / "benchmark" / "experiments"
PARTITIONS = ROOT / "benchmark" / "partitions.toml"
PROTOCOLS = ROOT / "benchmark" / "protocols"
RESULTS = ROOT / "results"
PUBLISHED = RESULTS / "published"
"""The numbers that papers print, as data."""
COMMITTED = RESULTS / "reproduction"
"""The runs that are committed."""
SAME_CODE = RESULTS / "same_code.toml"
"""Files of methods that were rewritten without a change of results."""
RUNS = RESULTS / "runs"
"""The default folder of new runs."""
RENDERED = ROOT / "reports" / "rendered"
"""The pages of the committed runs."""


def algorithm_names() -> list[str]:
    """Names of the built-in methods: one file each in algorithms/, which is not imported."""
    return sorted(path.stem for path in ALGORITHMS.glob("[a-z]*.py"))


def display_name(algorithm: str) -> str:
    """The name of a method in reports: the constant ``NAME`` of its file, or else ``algorithm``.

    The file is not imported. A method that is not built in is always called ``algorithm``.
    """
    path = ALGORITHMS / f"{algorithm}.py"
    if algorithm not in algorithm_names():
        return algorithm
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="NAME")], value=ast.Constant(value=str() as name)):
                return name
    return algorithm


def experiment_names() -> list[str]:
    """Names of the built-in experiments."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.toml"))


def protocol_names() -> list[str]:
    """Names of the built-in protocols."""
    return sorted(path.stem for path in PROTOCOLS.glob("*.toml"))
