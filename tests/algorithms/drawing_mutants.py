"""Defects of how batches are drawn."""

from collections.abc import Callable
from types import ModuleType
from unittest.mock import patch

import benchmark.engine.cohort
from tests.algorithms import batch_checks as batches
from tests.algorithms.engine_mutants import in_file, runs_are_bit_identical


def drawn_by(check: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    """A check of cohorts whose batches are drawn by the module that it is given."""

    def checked(drawing: ModuleType) -> None:
        with patch.object(benchmark.engine.cohort, "Drawing", drawing.Drawing):
            check(benchmark.engine.cohort)

    checked.__name__ = check.__name__
    return checked


DRAWING_MUTANTS = in_file(
    "drawing",
    (
        "batches are drawn without a seed",
        'stream(seed, "batches", self.round_).random(',
        "np.random.default_rng().random(",
        drawn_by(runs_are_bit_identical),
    ),
    (
        "every round starts from the first batch",
        "self.round_ * phase.total * unit",
        "0 * unit",
        drawn_by(batches.check_fixed_order),
    ),
    (
        "batches hold other clients' samples",
        ".astype(np.int64) + data.first[:, None] * B",
        ".astype(np.int64) + data.first[:, None] // 2 * B",
        drawn_by(batches.check_with_replacement),
    ),
    (
        "all passes are in one order",
        'stream(seed, "batches", client, number)',
        'stream(seed, "batches", client)',
        drawn_by(batches.check_shuffled_passes),
    ),
    (
        "padding is shuffled among the samples",
        ".shuffle(places[: data.size[client]])",
        ".shuffle(places)",
        drawn_by(batches.check_shuffled_passes),
    ),
)
