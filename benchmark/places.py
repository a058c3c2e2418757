"""Where things lie in a checkout, and the names found there."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""
ALGORITHMS = ROOT / "algorithms"
ENGINE = ROOT / "benchmark" / "engine"
"""Every file here can change the bits of a result; so can those of MODELS."""
MODELS = ROOT / "benchmark" / "models"
EXPERIMENTS = ROOT / "benchmark" / "experiments"
PARTITIONS = ROOT / "benchmark" / "partitions.toml"
PROTOCOLS = ROOT / "benchmark" / "protocols"
RESULTS = ROOT / "results"
PUBLISHED = RESULTS / "published"
"""The numbers that papers print, as data."""
COMMITTED = RESULTS / "reproduction"
"""Our runs that belong to the repository."""
SAME_CODE = RESULTS / "same_code.toml"
"""Files of methods that were rewritten without a change of results."""
RUNS = RESULTS / "runs"
"""Where new runs are kept unless a command names another folder."""
RENDERED = ROOT / "reports" / "rendered"
"""The pages of the committed runs."""


def algorithm_names() -> list[str]:
    """The built-in methods: one file each in algorithms/, found without importing them."""
    return sorted(path.stem for path in ALGORITHMS.glob("[a-z]*.py"))


def display_name(algorithm: str) -> str:
    """What reports call a method: the constant ``NAME`` of its file, or else its name here.

    Read without importing it. Of a method that is not built in, only the name here is known.
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
    """The built-in experiments."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.toml"))


def protocol_names() -> list[str]:
    """The built-in protocols."""
    return sorted(path.stem for path in PROTOCOLS.glob("*.toml"))
