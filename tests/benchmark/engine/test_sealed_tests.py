"""No method reads a test sample before the last scoring or depends on one."""

from typing import Any

import pytest
import torch

from benchmark.engine.blocks import Blocks
from benchmark.engine.methods import load_method
from benchmark.engine.recorder import Recorder, Result
from benchmark.engine.training import Problem, run
from benchmark.jobs.data import Source, material
from benchmark.places import algorithm_names
from tests.benchmark.cases import cell

opened = False


class Sealed(Blocks):
    """Blocks of samples that may be looked at only when training is over."""

    def __getattribute__(self, name: str) -> Any:
        assert opened or name not in ("x", "y"), f"{name} of a test sample is read in training"
        return super().__getattribute__(name)


@pytest.fixture(autouse=True)
def seal(monkeypatch: pytest.MonkeyPatch) -> None:
    results = Recorder.results

    def after_training(recorder: Recorder) -> list[Result]:
        global opened
        opened = True
        return results(recorder)

    monkeypatch.setattr(Recorder, "results", after_training)


def problem(name: str, shift: int) -> Problem:
    """A small federation with validation data, whose test labels are ``shift`` too high."""
    global opened
    changes = {"partition.validation_fraction": 0.3, "participation": "sampled", "rounds": 3}
    of = cell({"algorithm": name, **changes})
    data = material(of, 0, Source())
    whole = Problem.of(of, data.arrays, data.inputs, data.partition, (0,), torch.device("cpu"))
    test = vars(whole.test) | {"y": (whole.test.y + shift) % 10, "x": whole.test.x * (1 + shift)}
    opened = False
    return Problem(whole.federation, Sealed(**test), whole.w, whole.validation)


@pytest.mark.parametrize("name", algorithm_names())
def test_no_method_reads_or_depends_on_test_samples(name: str) -> None:
    of = cell({"algorithm": name, "participation": "sampled", "rounds": 3})
    method = load_method(name)
    (plain,), (other,) = (run(of, method, problem(name, shift)) for shift in (0, 3))
    names = map(str, plain.history.columns)
    seen = [name for name in names if "validation" in name or "train" in name]
    assert any("validation_accuracy" in column for column in seen)
    assert plain.history[seen].equals(other.history[seen])


def test_a_run_that_reads_them_would_be_caught() -> None:
    whole = problem("fedavg", 0)
    unvalidated = Problem(whole.federation, whole.test, whole.w)
    with pytest.raises(AssertionError, match="read in training"):
        run(cell({"rounds": 3}), load_method("fedavg"), unvalidated)
