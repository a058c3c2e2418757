"""Cells: what their digest depends on, and what is refused."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.spec import Cell, Data, Dnn
from benchmark.spec.cell import Schedule
from benchmark.spec.validation import parse
from datasets.partitions import KINDS
from tests.benchmark.cases import cell, complaint, plain

SIZES = {"clients": 20, "train_fraction": 0.5}
REQUIRED: dict[str, dict[str, Any]] = {
    "label_groups": {"groups": [[0, 1], [2]]},
    "shards": {"labels_per_client": 2},
    "dirichlet": {"alpha": 0.5},
    "quantity": {"alpha": 0.5},
}
PARTITIONS: dict[str, dict[str, Any]] = {
    kind: {"kind": kind, **SIZES, **REQUIRED.get(kind, {})} for kind in KINDS if kind != "from_file"
}
OTHER: dict[str, Any] = {
    "clients": 21,
    "train_fraction": 0.75,
    "order": "as_given",
    "seed": 0,
    "groups": [[0], [1, 2]],
    "labels_per_client": 3,
    "sizes": "lognormal",
    "sigma": 0.5,
    "alpha": 0.1,
    "min_size": 1,
    "cap": "even_share",
    "validation_fraction": 0.2,
    "test": "common",
    "rotations": 4,
}
CHANGES: dict[str, Any] = {
    "data.name": "mnist",
    "data.options": {"alpha": 1.0},
    "data.scaling": "unit",
    "partition.clients": 5,
    "model": {"name": "dnn", "hidden": 8},
    "algorithm": "local",
    "hyper": {"eta": 0.5},
    "rounds": 3,
    "active_clients": 1,
    "batch_size": 16,
    "participation": "sampled",
    "aggregation": "uniform",
    "batches": "fixed_order",
    "global_scored": "before",
    "evaluate_every": 2,
    "train_loss_every": 2,
    "auxiliary": {"name": "dnn", "hidden": 4},
    "local_work": "epochs",
    "schedule": {"factor": 0.1, "at": [0.5, 0.75]},
}
PARTITION_FIELDS = [
    (kind, field)
    for kind in PARTITIONS
    for field in KINDS[kind].model_fields
    if field != "kind" and not (kind.startswith("pfedme") and field == "clients")
]


def test_the_canonical_form_does_not_change_from_version_to_version() -> None:
    assert cell().key == f"digits-mlr-fedavg-{cell().digest[:12]}"
    assert cell().digest == "63e36f5243b30291fc673ab3b998d9dc55457a796bba048744d17dd13f841db8"


def test_a_schedule_cuts_step_sizes_after_its_shares_of_all_rounds_or_after_each() -> None:
    cuts = Schedule(factor=0.1, at=(0.5, 0.75))
    assert [cuts.scale(t, 8) for t in (0, 3, 4, 5, 6, 7)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )
    assert [Schedule(factor=0.5).scale(t, 8) for t in range(3)] == [1, 0.5, 0.25]


def test_every_field_of_a_cell_is_changed_below() -> None:
    assert {name.partition(".")[0] for name in CHANGES} == set(Cell.model_fields)
    own = {"path", "label", "client", "sha256"}  # see test_outside.py
    assert {f"data.{name}" for name in Data.model_fields.keys() - own} <= CHANGES.keys()


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_decides_the_digest(name: str) -> None:
    other = cell({name: CHANGES[name]})
    assert other.digest != cell().digest
    assert other.key != cell().key


def test_the_size_of_a_model_decides_the_digest() -> None:
    assert len(Dnn.model_fields) == 2
    sizes = [cell({"model": {"name": "dnn", "hidden": n}}).digest for n in (8, 9)]
    assert sizes[0] != sizes[1]


def test_every_kind_of_partition_has_a_digest_of_its_own() -> None:
    assert len({cell({"partition": words}).digest for words in PARTITIONS.values()}) == len(
        PARTITIONS
    )


@pytest.mark.parametrize(("kind", "field"), PARTITION_FIELDS)
def test_every_field_of_a_partition_decides_the_digest(kind: str, field: str) -> None:
    plainly = cell({"partition": PARTITIONS[kind]})
    other = cell({"partition": PARTITIONS[kind] | {field: OTHER[field]}})
    assert other.digest != plainly.digest


@pytest.mark.parametrize(
    ("kind", "field"),
    [(k, f) for k, f in PARTITION_FIELDS if not KINDS[k].model_fields[f].is_required()],
)
def test_spelling_out_a_partitions_default_changes_nothing(kind: str, field: str) -> None:
    said = PARTITIONS[kind] | {field: KINDS[kind].model_fields[field].default}
    assert cell({"partition": said}).digest == cell({"partition": PARTITIONS[kind]}).digest


@pytest.mark.parametrize(
    "said",
    [
        {"hyper": {}},
        {"evaluate_every": 1, "train_loss_every": 1},
        {"data.options": {}, "data.scaling": "none"},
    ],
)
def test_spelling_out_a_default_changes_nothing(said: dict[str, Any]) -> None:
    assert cell(said).digest == cell().digest


def test_the_order_of_keys_changes_nothing() -> None:
    backwards = json.loads(json.dumps(plain({"hyper": {"a": 1, "b": 2}})))
    backwards["hyper"] = {"b": 2, "a": 1}
    reordered = dict(reversed(backwards.items()))
    assert parse(Cell, reordered, "test").digest == cell({"hyper": {"a": 1, "b": 2}}).digest


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,3}", fullmatch=True),
        st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(codec="utf-8"), max_size=4),
        max_size=3,
    )
)
def test_a_cell_read_back_from_a_record_is_the_same_cell(hyper: dict[str, Any]) -> None:
    made = cell({"hyper": hyper})
    read = Cell.model_validate_json(made.model_dump_json())
    assert read == made
    assert read.digest == made.digest
    assert {k: type(v) for k, v in read.hyper.items()} == {k: type(v) for k, v in hyper.items()}


def test_seeds_share_a_partition_where_its_seed_is_fixed_or_nothing_is_drawn() -> None:
    given_ = PARTITIONS["given"]
    assert not cell().partition.is_fixed
    assert cell({"partition.seed": 3}).partition.is_fixed
    assert cell({"partition": given_ | {"order": "as_given"}}).partition.is_fixed
    assert not cell({"partition": given_}).partition.is_fixed
    dealt = {"kind": "pfedme_mnist", "train_fraction": 0.75}
    assert cell({"partition": dealt | {"order": "as_given"}}).partition.is_fixed
    assert not cell({"partition": dealt}).partition.is_fixed
    assert not cell({"partition.order": "as_given"}).partition.is_fixed


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"typo": 1}, ["typo: unknown key, allowed: active_clients, ", "train_loss_every"]),
        (
            {"data.typo": 1},
            ["data.typo: unknown key, allowed: client, label, name, options, path, "],
        ),
        ({"model.hidden": 4}, ["hidden: unknown key, allowed: name"]),
        (
            {"partition.alpha": 0.5},
            ["alpha: unknown key, allowed: clients, kind, order, rotations, seed, test, "],
        ),
        ({"model": {"name": "dnn"}}, ["hidden: Field required"]),
        ({"partition": {"kind": "iid", "clients": 4}}, ["train_fraction: Field required"]),
        ({"partition.kind": "nope"}, ["partition", "'nope'", "'label_groups'", "'dirichlet'"]),
        ({"model.name": "vgg"}, ["model", "'vgg'", "'mlr'", "'dnn'", "'lenet5'"]),
        ({"model": "mlr"}, ["model: "]),
        ({"rounds": "3"}, ["rounds: ", "integer"]),
        ({"rounds": True}, ["rounds: ", "integer"]),
        ({"rounds": 2.5}, ["rounds: ", "integer"]),
        ({"rounds": math.nan}, ["rounds: ", "integer"]),
        ({"rounds": 0}, ["rounds: ", "greater than or equal to 1"]),
        ({"batch_size": -1}, ["batch_size: ", "greater than or equal to 1"]),
        ({"participation": "some"}, ["participation: ", "'all' or 'sampled'"]),
        ({"data.scaling": "max"}, ["data.scaling: ", "'none'", "'unit'", "'per_feature'"]),
        ({"data.options": {"alpha": "x"}}, ["data.options.alpha", "number"]),
        ({"data.options": {"alpha": True}}, ["data.options.alpha", "number"]),
        ({"hyper": {"lam": [1]}}, ["hyper.lam"]),
        ({"algorithm": "My-Method"}, ["algorithm: "]),
        ({"partition.train_fraction": 1.0}, ["train_fraction: ", "less than 1"]),
        ({"partition.train_fraction": math.nan}, ["train_fraction: "]),
        ({"partition.seed": -1}, ["seed: ", "greater than or equal to 0"]),
        ({"active_clients": 5}, ["active_clients is 5", "only 4 clients"]),
        ({"evaluate_every": 3}, ["evaluate_every is 3, allowed: 1 to rounds = 2"]),
    ],
)
def test_a_bad_cell_is_one_line_naming_file_field_and_remedy(
    changes: dict[str, Any], said: list[str]
) -> None:
    line = complaint(lambda: cell(changes))
    assert line.startswith("test.toml: ")
    for part in said:
        assert part in line


@pytest.mark.parametrize("name", [n for n, f in Cell.model_fields.items() if f.is_required()])
def test_a_missing_field_is_named(name: str) -> None:
    words = plain()
    del words[name]
    assert f"{name}: Field required" in complaint(lambda: parse(Cell, words, "test.toml"))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "changes",
    [
        {"hyper.lam": ...},
        {"data.options.alpha": ...},
        {"partition": {**PARTITIONS["dirichlet"], "alpha": ...}},
        {"partition": {**PARTITIONS["shards"], "sizes": "lognormal", "sigma": ...}},
    ],
    ids=["hyper", "options", "alpha", "sigma"],
)
def test_numbers_that_no_record_can_hold_are_refused(changes: dict[str, Any], value: float) -> None:
    filled = json.loads(json.dumps(changes, default=lambda _: value))
    assert "test.toml: " in complaint(lambda: cell(filled))
