"""Users' settings are parsed, override an experiment's, or are refused in one line."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import BenchmarkError
from benchmark.spec import (
    adjusted,
    cells,
    load_experiment,
    load_protocol,
    parse_settings,
    profile_of,
)
from tests.benchmark.cases import complaint


def test_settings_are_numbers_switches_or_words_by_dotted_field() -> None:
    texts = ["rounds=100", "hyper.lam=5", "hyper.persistent=false", "batches=fixed_order"]
    assert parse_settings(texts) == {
        "rounds": 100,
        "hyper.lam": 5,
        "hyper.persistent": False,
        "batches": "fixed_order",
    }


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["rounds"], "FIELD=VALUE"),
        (["=5"], "FIELD=VALUE"),
        (["rounds="], "FIELD=VALUE"),
        (["rounds=[1]"], "FIELD=VALUE"),
        (["rounds=a\nb"], "FIELD=VALUE"),
        (["round=5"], "unknown field, allowed: data.…"),
        (["hyper=5"], "hyper.…"),
        (["rounds.x=5"], "unknown field"),
        (["data.name=mnist"], "--dataset"),
        (["model.name=mlr"], "--model"),
        (["algorithm=pfml"], "--algorithm"),
        (["data.options=1", "data.options.alpha=1"], "a part of it is set too"),
    ],
)
def test_what_is_no_setting_is_one_line(texts: list[str], said: str) -> None:
    assert said in complaint(lambda: parse_settings(texts))


@given(st.text(max_size=30))
def test_any_text_is_a_setting_or_one_line(text: str) -> None:
    with suppress(BenchmarkError):
        parse_settings([text, f"hyper.{text}"])


def test_settings_win_over_rules_sweeps_and_profiles_and_are_in_every_cell() -> None:
    experiment = load_experiment("table5")
    settings = {"rounds": 7, "hyper.lam": 5, "model.hidden": 64}
    mine = adjusted(experiment, settings, {"model": ["dnn"]})
    found = cells(mine, load_protocol("as_run"), profile_of(mine, "smoke"))
    assert found
    assert {(c.rounds, c.hyper["lam"], c.model.model_dump()["hidden"]) for c in found} == {
        (7, 5, 64)
    }
    assert "rounds = 7, hyper.lam = 5, model.hidden = 64" in mine.title
    assert mine.name == "table5_rounds_7_hyper_lam_5_model_hidden_64"


def test_other_settings_than_the_papers_have_no_published_numbers() -> None:
    mine = adjusted(load_experiment("table1"), {"rounds": 7}, {})
    assert (mine.table, mine.figure, mine.group, mine.misprints) == (None, None, None, ())


def test_a_long_name_is_cut_and_stays_unique() -> None:
    names = {
        adjusted(load_experiment("table1"), {"hyper.outer_gradient": "inner" * 12 + end}, {}).name
        for end in ("a", "b")
    }
    assert len(names) == 2
    assert max(map(len, names)) <= 64


def test_a_setting_that_a_cell_cannot_have_is_one_line() -> None:
    mine = adjusted(load_experiment("table1"), {"rounds": 0}, {})
    line = complaint(lambda: cells(mine, load_protocol("as_run"), profile_of(mine, "smoke")))
    assert "rounds" in line
