"""Each defect is caught by its checks, and only where it was planted."""

from pathlib import Path

import pytest

from benchmark.engine.guards import TraceError
from tests.algorithms.drawing_mutants import DRAWING_MUTANTS
from tests.algorithms.engine_mutants import ENGINE_MUTANTS
from tests.algorithms.family_mutants import FAMILY_MUTANTS
from tests.algorithms.method_mutants import METHOD_MUTANTS
from tests.algorithms.mutants import Check, Mutant
from tests.algorithms.server_mutants import SERVER_MUTANTS

MUTANTS = [*METHOD_MUTANTS, *FAMILY_MUTANTS, *SERVER_MUTANTS, *ENGINE_MUTANTS, *DRAWING_MUTANTS]
PAIRS = {(mutant.file, check): mutant for mutant in MUTANTS for check in mutant.checks}


def name(value: object) -> str | None:
    if isinstance(value, Mutant):
        return f"{value.file}: {value.defect}"
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(
    ("mutant", "check"), [(m, check) for m in MUTANTS for check in m.checks], ids=name
)
def test_a_planted_defect_is_caught(mutant: Mutant, check: Check, tmp_path: Path) -> None:
    planted = mutant.planted(tmp_path)
    with pytest.raises((AssertionError, TraceError)):
        check(planted)


@pytest.mark.parametrize(("mutant", "check"), [(m, c) for (_, c), m in PAIRS.items()], ids=name)
def test_the_real_file_passes_the_check(mutant: Mutant, check: Check) -> None:
    check(mutant.real())
