"""A guard against a fault: the line that guards, and the test that fails without it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """In ``file``, ``old`` (there once) guards against a fault; with ``new``, ``test`` fails."""

    fault: str
    file: str
    old: str
    new: str
    test: str


RESUME, STORE, FAULTS = (
    f"benchmark/{name}.py"
    for name in ("store/test_checkpoint", "store/test_runs", "jobs/test_faults")
)
DAMAGE, WORKERS = (f"benchmark/jobs/test_{n}.py" for n in ("damage", "workers"))
REACH = "benchmark/engine/test_guards.py"
