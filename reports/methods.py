"""The files of methods as they are today, held against the runs that a page shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.places import ALGORITHMS
from benchmark.spec.method_code import code_digest, file_digest, stands
from benchmark.store import Run


@dataclass(frozen=True)
class Methods:
    """Methods by name; each file is read once."""

    paths: Mapping[str, str] = field(default_factory=dict)
    """Files of methods that are not built in, by name."""
    _codes: dict[str, tuple[str, str] | None] = field(default_factory=dict)

    def have_changed_since(self, run: Run) -> bool:
        """True if the method's file has other code than the one that made the run.

        False if the file of a user's method is unknown.
        """
        now = self._code(run.cell.algorithm)
        return now is not None and not stands(run.cell.algorithm, (run.source, run.code), now)

    def _code(self, name: str) -> tuple[str, str] | None:
        """Digests of the file and of its code; None where there is no such file."""
        if name not in self._codes:
            path = Path(self.paths.get(name, ALGORITHMS / f"{name}.py"))
            try:
                self._codes[name] = file_digest(path), code_digest(path)
            except (OSError, SyntaxError, ValueError):
                self._codes[name] = None
        return self._codes[name]
