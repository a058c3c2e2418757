"""A method that reaches beyond its own tensors is refused in one line, and its traces removed."""

import os
import py_compile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.engine.guards import SETTERS, Generators, _settings
from benchmark.engine.methods import load_method
from benchmark.jobs.job import Job
from benchmark.jobs.perform import perform
from benchmark.store import Store
from benchmark.store.locks import folder_of
from tests.benchmark.cases import MINE, cell, complaint, job, settings, trained
from tests.benchmark.stops import FIXED, assert_same, gone_on, stopped

START = '    """Two steps."""\n'
CHANGES = {
    "torch's default dtype": "torch.set_default_dtype(torch.float64)",
    "torch's grad mode": "torch.set_grad_enabled(not torch.is_grad_enabled())",
    "torch's number of threads": "torch.set_num_threads(3)",
    "torch's deterministic mode": "torch.use_deterministic_algorithms(True)",
    "the working directory": "__import__('os').chdir('/')",
}
DRAWS = (
    "torch.rand(1)",
    "torch.manual_seed(3)",
    "__import__('random').random()",
    "__import__('numpy').random.rand()",
)


def mine(path: Path, text: str) -> Job:
    path.write_text(f"import torch\n{text}", encoding="utf-8")
    return Job(cell({"algorithm": path.stem, **FIXED}), (0,), str(path))


def refused(of: Job, root: Path) -> str:
    before, place = _settings(), os.getcwd()
    line = complaint(lambda: perform(of, settings(root), lambda _: None))
    assert (_settings(), os.getcwd()) == (before, place)
    assert list(Store(root).runs()) == []
    return line


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("where", ["at import", "in a round"])
def test_a_setting_left_changed_is_put_back_and_named(
    tmp_path: Path, what: str, where: str
) -> None:
    text = MINE + f"\n{CHANGES[what]}\n"
    if where == "in a round":
        text = MINE.replace(START, f"{START}    {CHANGES[what]}\n")
    path = tmp_path / "mine_reaching.py"
    line = refused(mine(path, text), tmp_path)
    part = "" if where == "at import" else "train_round: "
    assert line == f"{path}: {part}leaves {what} changed; put back what you set"
    assert {*SETTERS, "the working directory"} == {*CHANGES}


@pytest.mark.parametrize("draw", DRAWS)
def test_a_draw_from_a_global_generator_is_refused(tmp_path: Path, draw: str) -> None:
    path = tmp_path / "mine_drawing.py"
    text = MINE.replace(START, f"{START}    {draw}\n")
    line = refused(mine(path, text), tmp_path)
    assert line.startswith(f"{path}: train_round: draws from a global generator")


@pytest.mark.parametrize("every", [0.0, 60.0])
def test_a_draw_late_in_a_run_is_found_before_it_is_kept(tmp_path: Path, every: float) -> None:
    path = tmp_path / "mine_late.py"
    text = MINE.replace(
        START, f"{START}    global calls\n    calls += 1\n    calls > 6 and torch.rand(1)\n"
    )
    of = mine(path, text.replace("class State", "calls = 0\n\n\nclass State"))
    long = replace(of, cell=of.cell.model_copy(update={"rounds": 20}))
    often = replace(settings(tmp_path), checkpoint_every=every)
    line = complaint(lambda: perform(long, often, lambda _: None))
    assert line.startswith(f"{path}: draws from a global generator")
    assert list(Store(tmp_path).runs()) == []


def test_own_generators_are_ones_own_affair(tmp_path: Path) -> None:
    text = MINE.replace(
        START, f"{START}    torch.rand(1, generator=torch.Generator().manual_seed(1))\n"
    )
    before = Generators.now()
    of = mine(tmp_path / "mine_seeded.py", text)
    trained(tmp_path, of)
    assert Generators.now() == before


@pytest.mark.parametrize("where", ["at import", "in a round"])
def test_an_exit_is_a_failure(tmp_path: Path, where: str) -> None:
    text = "import os\n" + (MINE + "\nos._exit(0)\n" if where == "at import" else "")
    text = text if where == "at import" else text + MINE.replace(START, f"{START}    os._exit(0)\n")
    line = refused(mine(tmp_path / "mine_leaving.py", text), tmp_path)
    assert "mine_leaving.py" in line
    assert line.endswith("Exits: os._exit(0)")


STATES: dict[str, tuple[str, str]] = {
    "an integer": ("3", "int, allowed: Tensor, None"),
    "a list": ("[w]", "list, allowed: Tensor, None"),
    "complex": ("w.to(torch.complex64)", "torch.complex64, allowed: dense real numbers or bool"),
    "sparse": ("w.to_sparse()", "torch.float32 torch.sparse_coo, allowed: dense real numbers"),
    "with a gradient": ("w.clone().requires_grad_()", "requires grad, allowed: without"),
}


def with_field(value: str) -> str:
    text = MINE.replace("    w: Globals\n", "    w: Globals\n    other: object\n")
    return text.replace("State(w)", f"State(w, {value})").replace(
        "State(cohort.mean(rows))", "State(w := cohort.mean(rows), " + f"{value})"
    )


@pytest.mark.parametrize("kind", STATES)
def test_a_field_that_no_checkpoint_can_keep_is_refused_in_the_first_round(
    tmp_path: Path, kind: str
) -> None:
    value, said = STATES[kind]
    path = tmp_path / "mine_stateful.py"
    line = refused(mine(path, with_field(value)), tmp_path)
    assert line.startswith(f"{path}: State.other: {said}")


@pytest.mark.parametrize(
    "value", ["w", "w[:, 1:]", "w.T", "w.expand(3, -1)", "w.new_zeros(0)", "w.half()", "w > 0"]
)
def test_fields_may_share_memory_and_be_views(tmp_path: Path, value: str) -> None:
    of = mine(tmp_path / "mine_sharing.py", with_field(value))
    whole = trained(tmp_path / "whole", of)
    stopped(tmp_path / "cut", of, 3)
    assert list(folder_of(Store(tmp_path / "cut"), of.cell, (0,)).glob("*.checkpoint"))
    assert gone_on(tmp_path / "cut", of) == ["goes on after round 3"]
    assert_same(whole, Store(tmp_path / "cut"), of.cell, 0)


def test_what_is_run_is_the_text_that_was_digested(tmp_path: Path) -> None:
    """Bytecode of an older text with the same size and time is not used."""
    path = tmp_path / "mine_edited.py"
    path.write_text(MINE)
    py_compile.compile(str(path))
    times = path.stat()
    assert load_method(str(path)).settings({}) == {"eta": 0.1}
    path.write_text(MINE.replace("= 0.1", "= 0.9"))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert load_method(str(path)).settings({}) == {"eta": 0.9}


def test_other_methods_are_left_alone(tmp_path: Path) -> None:
    of = cell(FIXED)
    alone = trained(tmp_path / "alone", job(of))
    text = MINE + "\ntorch.set_default_dtype(torch.float64)\n"
    bad = mine(tmp_path / "mine_doubling.py", text)
    refused(bad, tmp_path / "after")
    after = trained(tmp_path / "after", job(of))
    assert_same(alone, after, of, 0)
    assert torch.get_default_dtype() is torch.float32
