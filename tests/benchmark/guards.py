"""A guard against a fault: the line, and the test that fails without it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """In ``file``, ``old`` (there once) guards against a fault; with ``new``, ``test`` fails."""

    fault: str
    file: str
    old: str
    new: str
    test: str


RESUME, STORE = (f"benchmark/store/test_{n}.py" for n in ("checkpoint", "runs"))
CLUSTER, DAMAGE, STOP, WORKERS = (
    f"benchmark/jobs/test_{n}.py" for n in ("cluster", "damage", "stop", "workers")
)
REACH = "benchmark/engine/test_guards.py"
