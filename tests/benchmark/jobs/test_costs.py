"""Bytes and gradients of a round, counted; each number follows from the method's equations."""

from pathlib import Path
from typing import Any

import pytest

from benchmark.engine.methods import load_method
from benchmark.jobs.costs import costs_of
from benchmark.jobs.job import Job
from benchmark.places import algorithm_names
from benchmark.store import Costs, Store
from tests.benchmark.cases import MINE, cell, job, trained

SHAPE, CLASSES, P = (1, 8, 8), 10, 650  # digits' logistic regression
LENET = 62_006


def counted(name: str, **changes: Any) -> Costs:
    method = Path(name).stem
    hyper = {f"hyper.{key}": value for key, value in changes.items()}
    found = costs_of(cell({"algorithm": method, **hyper}), load_method(name), SHAPE, CLASSES)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "hyper", "down", "up", "gradients", "personal"),
    [
        ("fedavg", {"E": 7}, P, P, 7, 0),
        ("fedavg", {"E": 7, "finetune_steps": 3}, P, P, 7, 3),
        ("local", {"E": 7}, 0, 0, 7, 0),
        ("perfedavg", {"E": 4}, P, P, 8, 1),
        ("perfedavg", {"E": 4, "variant": "hessian_free"}, P, P, 16, 1),
        ("pfedme", {"E": 4, "K": 5}, P, P, 20, 0),
        # Two models in K steps, and in one outer step at the points that the first inner one used
        ("pfml", {"E": 4, "K": 5, "inner_start": "restart"}, P, P, 4 * 10, 0),
        # or at points of their own where the inner iterates carry on (but not on the first batch).
        ("pfml", {"E": 4, "K": 5, "inner_start": "carry"}, P, P, 4 * 10 + 3 * 2, 0),
        ("fedper", {"E": 7}, 0, 0, 7, 0),  # of a single layer all is head
        ("fedprox", {"E": 7}, P, P, 7, 0),
        ("ditto", {"E": 7}, P, P, 14, 0),
        ("fedamp", {"E": 7}, P, P, 7, 0),
        ("feddyn", {"E": 7}, P, P, 7, 0),  # the dual's change follows from the model
        ("scaffold", {"E": 7}, 2 * P, P, 7, 0),  # so does the control variate's
        ("ifca", {"E": 7, "k": 3}, 3 * P, P + 1, 7, 0),  # and which of them it is
    ],
)
def test_costs_follow_from_the_equations(
    name: str, hyper: dict[str, Any], down: int, up: int, gradients: int, personal: int
) -> None:
    expected = Costs(
        bytes_down=4 * down,
        bytes_up=4 * up,
        gradients=gradients,
        personal_gradients=personal,
    )
    assert counted(name, **hyper) == expected


MASKED = MINE.replace(
    "    for batch in cohort.batches(2):\n"
    "        rows = rows - hyper.eta * cohort.grad(rows, batch)",
    "    part = (rows == rows).cumsum(1) <= 600\n"
    "    for batch in cohort.batches(2):\n"
    "        rows = rows - hyper.eta * part * cohort.grad(rows, batch)",
)
ZEROS = MINE.replace("State(w)", "State(w * ((w == w).cumsum(1) <= 600))").replace(
    "cohort.mean(rows)", "cohort.mean(rows * ((rows == rows).cumsum(1) <= 600))"
)
CLUSTERS = MINE.replace(
    "    return State(cohort.mean(rows))",
    "    even = ((rows == rows).cumsum(0)[:, :1] % 2).to(rows.dtype)\n"
    "    return State(cohort.mean(even * rows) + cohort.mean((1 - even) * rows))",
)
FOLLOWS = MINE.replace(
    "    return State(cohort.mean(rows))",
    "    change = 3 * (rows - cohort.spread(state.w))\n"
    "    return State(cohort.mean(rows) + 0 * cohort.mean(change))",
)
SERVER = MINE.replace(
    "    return State(cohort.mean(rows))",
    "    mean = cohort.mean(rows)\n"
    "    away = (rows - cohort.spread(mean)).norm()\n"
    "    return State(cohort.mean(rows) + 0 * away)",
)


@pytest.mark.parametrize(
    ("source", "down", "up"),
    [
        (MINE, P, P),
        (MASKED, 600, 600),  # what never changes is not sent again
        (ZEROS, 600, 600),  # what is 0 for all is not sent
        (CLUSTERS, P, P),  # a client's row is in one of two means
        (SERVER, P, P),  # the same rows twice; a mean that stays at the server
        (FOLLOWS, P, P),  # the second upload follows from the first and the download
    ],
    ids=["whole", "masked", "zeros", "clusters", "server", "follows"],
)
def test_only_what_is_news_to_the_other_side_is_counted(
    source: str, down: int, up: int, tmp_path: Path
) -> None:
    path = tmp_path / "mine_costs.py"
    path.write_text(source)
    found = counted(str(path))
    assert (found.bytes_down, found.bytes_up) == (4 * down, 4 * up)


def test_a_convolutional_model_is_counted_whole() -> None:
    of = cell({"model": {"name": "lenet5"}})
    found = costs_of(of, load_method("fedavg"), (3, 32, 32), CLASSES)
    assert found == Costs(
        bytes_down=4 * LENET, bytes_up=4 * LENET, gradients=10, personal_gradients=0
    )


@pytest.mark.parametrize("name", algorithm_names())
def test_every_method_is_counted_and_moves_at_most_a_few_models(name: str) -> None:
    found = counted(name)
    assert found.gradients > 0
    assert found.bytes_down <= 4 * 4 * P
    assert found.bytes_up <= 2 * 4 * P


def test_a_run_keeps_its_costs_and_adds_them_up_over_clients(tmp_path: Path) -> None:
    of = cell({"algorithm": "pfedme", "participation": "all"})
    store: Store = trained(tmp_path, job(of))
    run = store.find(of, 0)
    assert run is not None
    assert run.costs == counted("pfedme")
    assert run.costs.bytes_of_round(of) == 4 * P * (4 + 2)  # all four download, two send
    sampled = cell({"algorithm": "pfedme", "participation": "sampled"})
    assert run.costs.bytes_of_round(sampled) == 4 * P * (2 + 2)


def test_a_method_that_cannot_be_counted_still_runs(tmp_path: Path) -> None:
    path = tmp_path / "mine_uncounted.py"
    real = "    assert type(cohort).__name__ == 'Cohort'\n    return State(cohort.mean"
    path.write_text(MINE.replace("    return State(cohort.mean", real))
    of = cell({"algorithm": path.stem})
    assert costs_of(of, load_method(str(path)), SHAPE, CLASSES) is None
    run = trained(tmp_path / "store", Job(of, (0,), str(path))).find(of, 0)
    assert run is not None
    assert run.costs is None
