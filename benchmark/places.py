"""Where things lie in a checkout, and the names found there."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The checkout."""
ALGORITHMS = ROOT / "algorithms"
ENGINE = ROOT / "benchmark" / "engine"
"""Every file here can change the bits of a result; so can those of MODELS."""
MODELS = ROOT / "benchmark" / "models"
EXPERIMENTS = ROOT / "benchmark" / "experiments"
PROTOCOLS = ROOT / "benchmark" / "protocols"
RESULTS = ROOT / "results"
PUBLISHED = RESULTS / "published"
"""The numbers that papers print, as data."""
COMMITTED = RESULTS / "reproduction"
"""Our runs that belong to the repository."""
RUNS = RESULTS / "runs"
"""Where new runs are kept unless a command names another folder."""
RENDERED = ROOT / "reports" / "rendered"
"""The pages of the committed runs."""


def algorithm_names() -> list[str]:
    """The built-in methods: one file each in algorithms/, found without importing them."""
    return sorted(path.stem for path in ALGORITHMS.glob("[a-z]*.py"))


def experiment_names() -> list[str]:
    """The built-in experiments."""
    return sorted(path.stem for path in EXPERIMENTS.glob("*.toml"))


def protocol_names() -> list[str]:
    """The built-in protocols."""
    return sorted(path.stem for path in PROTOCOLS.glob("*.toml"))
