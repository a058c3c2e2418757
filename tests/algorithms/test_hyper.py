"""The settings of every method in algorithms/, and how methods are found."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.contract.settings import HYPER, check_zero_server_step_is_refused
from benchmark.engine.methods import Method, load_method
from benchmark.errors import BenchmarkError
from benchmark.places import algorithm_names
from reports.names import method_name


@pytest.mark.parametrize("check", HYPER)
@pytest.mark.parametrize("name", algorithm_names())
def test_settings(name: str, check: Callable[[Method], None]) -> None:
    check(load_method(name))


@pytest.mark.parametrize("name", ["pfedme", "pfml"])
def test_a_server_that_never_steps_is_refused(name: str) -> None:
    check_zero_server_step_is_refused(load_method(name))


@pytest.mark.parametrize("name", algorithm_names())
def test_settings_round_trip_as_plain_values(name: str) -> None:
    method = load_method(name)
    assert method.resolve(method.settings({})) == method.resolve({})


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("pfml", "lam", 0.0),
        ("pfml", "mu", 0.0),
        ("pfml", "beta", 4),
        ("pfml", "mutual_weight", 0),
        ("pfedme", "lam", 0),
        ("fedavg", "finetune_steps", 0),
        ("perfedavg", "variant", "hessian_free"),
    ],
)
def test_numbers_at_the_edge_of_their_range_are_taken(
    name: str, field: str, value: float | str
) -> None:
    assert load_method(name).settings({field: value})[field] == value


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (name, field)
        for name in ("fedavg", "local", "perfedavg", "pfedme", "pfml")
        for field in ("eta", "alpha", "E", "K", "delta")
        if field in load_method(name).settings({})
    ],
)
def test_steps_of_size_or_number_zero_are_refused(name: str, field: str) -> None:
    with pytest.raises(BenchmarkError, match=f"hyper.{field}: "):
        load_method(name).resolve({field: 0})


def test_an_unknown_method_is_named_with_those_allowed() -> None:
    with pytest.raises(BenchmarkError, match=r"no algorithm 'fedmean', allowed: .*fedavg.*path"):
        load_method("fedmean")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("x = 1", "not a method, it lacks Hyper, State, init"),
        ("import nowhere_at_all", "ModuleNotFoundError"),
        ("def f(:", "SyntaxError"),
        (
            "class Hyper: ...\nclass State: ...\ninit = train_round = personal_models = None",
            "Hyper is not a dataclass",
        ),
    ],
)
def test_a_file_that_is_no_method_is_refused(tmp_path: Path, source: str, complaint: str) -> None:
    path = tmp_path / "no_method.py"
    path.write_text(source)
    with pytest.raises(BenchmarkError, match=complaint):
        load_method(str(path))


@pytest.mark.parametrize("name", algorithm_names())
def test_a_method_says_what_it_is_called_and_where_its_settings_are_searched(name: str) -> None:
    method = load_method(name)
    assert method_name(name).replace("-", "").lower().startswith(name)
    assert method.ranges
    for setting, values in method.ranges.items():
        resolved = [method.settings({setting: value})[setting] for value in values]
        assert resolved == sorted(resolved)
    assert all(method.settings({})[setting] for setting in method.step_sizes)


def test_a_method_of_ones_own_is_called_by_its_name_here() -> None:
    assert method_name("mine") == "mine"
    assert method_name("fedprox") == "FedProx"
