"""Plant a defect: a copy of one of our files in which one place is replaced."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.engine.methods import load_method
from benchmark.places import ALGORITHMS, ENGINE

Check = Callable[[Any], None]


@dataclass(frozen=True)
class Mutant:
    """In ``file``, a method or a module of the engine, ``old`` (there once) became ``new``.

    ``checks``: each of them holds for the real file and must fail for this one.
    """

    defect: str
    file: str
    old: str
    new: str
    checks: tuple[Check, ...]

    @property
    def is_method(self) -> bool:
        return self._method.is_file()

    @property
    def _method(self) -> Path:
        return ALGORITHMS / f"{self.file}.py"

    def real(self) -> Any:
        """The method or module as it is."""
        if self.is_method:
            return load_method(self.file)
        return importlib.import_module(f"benchmark.engine.{self.file}")

    def planted(self, folder: Path) -> Any:
        """The method or module with the defect."""
        path = self._method
        if not self.is_method:
            path = ENGINE / path.name
        text = path.read_text(encoding="utf-8")
        assert text.count(self.old) == 1, f"{path}: found {text.count(self.old)} times: {self.old}"
        copy = folder / f"mutant_of_{self.file}.py"
        copy.write_text(text.replace(self.old, self.new), encoding="utf-8")
        if self.is_method:
            return replace(load_method(str(copy)), name=self.file)
        spec = importlib.util.spec_from_file_location(copy.stem, copy)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[copy.stem] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module
