"""Settings of trials: inside their ranges, spread over them, the same whenever asked for."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.engine.methods import load_method
from benchmark.jobs.search import proposals, ranges_of
from benchmark.places import algorithm_names
from tests.benchmark.cases import MINE, complaint

RANGES: dict[str, Any] = {"eta": (1e-3, 1.0), "K": (5, 10, 20), "E": (1, 100), "how": ("a", "b")}


def test_the_first_trial_is_the_methods_own_settings_and_all_lie_in_their_ranges() -> None:
    first, *rest = proposals(RANGES, 64, "tiny/mine")
    assert first == {}
    assert len(rest) == 63
    for settings in rest:
        assert 1e-3 <= float(settings["eta"]) <= 1
        assert settings["K"] in (5, 10, 20)
        assert isinstance(settings["E"], int)
        assert 1 <= settings["E"] <= 100
        assert settings["how"] in ("a", "b")


def test_a_range_is_searched_evenly_on_a_logarithmic_scale() -> None:
    found = [math.log10(float(each["eta"])) for each in proposals(RANGES, 65, "tiny/mine")[1:]]
    by_decade = [sum(low <= value < low + 1 for value in found) for low in (-3, -2, -1)]
    assert sum(by_decade) == 64
    assert all(20 <= count <= 23 for count in by_decade)  # a third each: Sobol's points are even


@given(st.integers(1, 40), st.integers(1, 40), st.text(max_size=20))
def test_more_trials_begin_with_the_same_settings(few: int, more: int, name: str) -> None:
    few, more = sorted((few, more))
    assert proposals(RANGES, more, name)[:few] == proposals(RANGES, few, name)


def test_methods_and_experiments_have_sequences_of_their_own() -> None:
    names = ("tiny/fedavg", "tiny/local", "large/fedavg")
    found = [str(proposals(RANGES, 8, name)) for name in names]
    assert len({*found}) == 3


def test_without_ranges_every_trial_is_the_first() -> None:
    assert proposals({}, 3, "tiny/mine") == [{}, {}, {}]


@pytest.mark.parametrize("name", algorithm_names())
def test_every_method_declares_ranges_whose_values_it_takes(name: str) -> None:
    method = load_method(name)
    for settings in proposals(ranges_of(method), 16, f"tiny/{name}"):
        method.resolve(settings)


def test_what_a_grid_sweeps_is_not_searched() -> None:
    method = load_method("fedavg")
    assert "eta" in ranges_of(method)
    assert "eta" not in ranges_of(method, fixed={"eta"})


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        ("", "RANGES: missing"),
        ("RANGES = {'nu': (1.0, 2.0)}", "unknown hyper.nu"),
        ("RANGES = {'eta': (1.0, 0.1)}", "allowed: 0 < low < high"),
        ("RANGES = {'eta': (0.0, 0.1)}", "allowed: 0 < low < high"),
        ("RANGES = {'eta': (0.1, 0.0, -1.0)}", "hyper.eta"),
        ("RANGES = {'eta': [0.1, 1.0]}", "allowed: a pair"),
        ("RANGES = {'eta': ()}", "allowed: a pair"),
        ("RANGES = 3", "RANGES is not a dictionary"),
    ],
)
def test_wrong_ranges_are_refused_in_a_line(ranges: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine_ranges.py"
    path.write_text(MINE.replace("\n\n\n@dataclass", f"\n\n{ranges}\n\n\n@dataclass", 1))
    assert said in complaint(lambda: ranges_of(load_method(str(path))))
