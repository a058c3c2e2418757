"""Mutated methods: they train, or are refused in one line that names the file."""

import pytest
from hypothesis import given

from benchmark.jobs.job import Job
from benchmark.jobs.perform import perform
from benchmark.places import ALGORITHMS
from benchmark.store import Store
from tests.benchmark.cases import MINE, cell, settings
from tests.benchmark.mutations import fuzzed, mutants, read_or_refused

METHODS = [MINE.encode(), *((ALGORITHMS / f"{name}.py").read_bytes() for name in ("pfml", "local"))]


@pytest.mark.slow
@fuzzed(150)
@given(source=mutants(METHODS))
def test_a_mutated_method(tmp_path_factory: pytest.TempPathFactory, source: bytes) -> None:
    place = tmp_path_factory.mktemp("plugin")
    path = place / "mutant_method.py"
    path.write_bytes(source)
    of = cell({"algorithm": "mutant_method", "rounds": 1})
    store = place / "runs"
    if not read_or_refused(
        lambda: perform(Job(of, (0,), str(path)), settings(store), lambda _: None),
        "mutant_method.py",
    ):
        assert list(Store(store).runs()) == []
