"""Recipes refuse unusable settings in one line that names the fault."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from datasets import DataError
from tests.datasets.recipes import data, deal, recipe, seeded

Y = np.repeat(np.arange(4), 5)


@pytest.mark.parametrize(
    ("kind", "clients", "words", "said"),
    [
        ("label_groups", 3, {"groups": [[0, 1], [2, 3]]}, "clients=3 .* multiple"),
        ("label_groups", 2, {"groups": [[0, 1], [2]]}, r"each of the labels \[0, 1, 2, 3\]"),
        ("label_groups", 2, {"groups": [[0, 1], [2, 3, 4]]}, "each of the labels"),
        ("label_groups", 2, {"groups": [[0, 1, 1], [2, 3]]}, "name one twice"),
        ("label_groups", 2, {"groups": [[0, 1, 2, 3], []]}, "no group be empty"),
        ("label_groups", 2, {"groups": []}, "each of the labels"),
        ("label_groups", 12, {"groups": [[0, 1], [2, 3]]}, "label 0 has 5"),
        ("shards", 1, {"labels_per_client": 3}, "labels_per_client=3 .* clients=1"),
        ("shards", 4, {"labels_per_client": 5}, r"labels_per_client=5 must be in 1\.\.4"),
        ("shards", 24, {"labels_per_client": 1}, "has 20 samples for clients=24"),
        ("shards", 12, {"labels_per_client": 2}, "label 0 has 5 samples for clients=6"),
        ("dirichlet", 3, {"alpha": 1}, "clients=3 with min_size=10"),
        ("iid", 21, {}, "20 samples for clients=21"),
        ("given", 2, {}, "test names no clients"),
        ("pfedme_cifar10", 20, {}, "60 images of each"),
        ("pfedme_mnist", 20, {}, "4 images of each"),
    ],
)
def test_what_labels_do_not_allow_is_refused_by_name(
    kind: str, clients: int, words: dict[str, Any], said: str
) -> None:
    y = Y[Y < 3] if kind.startswith("pfedme") else Y
    with pytest.raises(DataError, match=said) as caught:
        deal(y, 0, kind, clients, **words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("client", "clients", "said"),
    [
        ([0, 2], 2, "numbered 0, 1, 2"),
        ([-1, 0], 2, "numbered 0, 1, 2"),
        ([], 1, "each have a sample"),
        ([0, 1], 3, "partition.clients is 3, but test has 2 clients"),
    ],
)
def test_clients_that_are_not_numbered_through_are_refused(
    client: list[int], clients: int, said: str
) -> None:
    numbers = np.array(client, np.int64)
    with pytest.raises(DataError, match=said):
        recipe("given", clients).deal(data(np.zeros_like(numbers), numbers), seeded(0))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("iid", {"clients": 0}),
        ("iid", {"train_fraction": 1.0}),
        ("shards", {"labels_per_client": 0}),
        ("shards", {"labels_per_client": 1, "sizes": "uneven"}),
        ("shards", {"labels_per_client": 1, "sizes": "lognormal", "sigma": 11}),
        ("dirichlet", {"alpha": 0.0}),
        ("dirichlet", {"alpha": 2e9}),
        ("dirichlet", {"alpha": 1, "min_size": 0}),
        ("quantity", {"alpha": 0.0}),
        ("iid", {"validation_fraction": 1.0}),
        ("iid", {"rotations": 3}),
        ("iid", {"rotations": 4, "test": "common"}),
    ],
)
def test_settings_out_of_range_are_no_recipe(kind: str, words: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        recipe(kind, **words)
