"""Paths in a checkout, and the names of the files found there."""

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


def experiment_names() -> list[str]:
    """Names of the built-in experiments."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.toml"))


def protocol_names() -> list[str]:
    """Names of the built-in protocols."""
    return sorted(path.stem for path in PROTOCOLS.glob("*.toml"))
