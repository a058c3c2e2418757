"""Mutated experiments and protocols: read, or refused in one line that names the file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.places import EXPERIMENTS, PROTOCOLS
from benchmark.spec import Cell, cells, load_experiment, load_protocol, profile_of
from tests.benchmark.cases import EXPERIMENT
from tests.benchmark.mutations import fuzzed, mutants, read_or_refused

FILES = [EXPERIMENT.encode(), *(p.read_bytes() for p in EXPERIMENTS.glob("t*1.toml"))]
PROTOCOL_FILES = [path.read_bytes() for path in sorted(PROTOCOLS.glob("*.toml"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def everything(experiment: str, protocol: str) -> None:
    """Do with the files what every command does before it touches data."""
    of, under = load_experiment(experiment), load_protocol(protocol)
    for name in of.profiles:
        for cell in cells(of, under, profile_of(of, name)):
            assert isinstance(cell, Cell)
            assert cell.key == Path(cell.key).name


@fuzzed(200)
@given(data=mutants(FILES), protocol=st.sampled_from(["as_run", "as_described"]))
def test_a_mutated_experiment(folder: Path, data: bytes, protocol: str) -> None:
    path = folder / "mutant.toml"
    path.write_bytes(data)
    read_or_refused(lambda: everything(str(path), protocol), "mutant")


@fuzzed(100)
@given(data=mutants(PROTOCOL_FILES), experiment=st.sampled_from(["digits", "table1", "table6"]))
def test_a_mutated_protocol(folder: Path, data: bytes, experiment: str) -> None:
    path = folder / "mutant.toml"
    path.write_bytes(data)
    read_or_refused(lambda: everything(experiment, str(path)))
