"""What a number is about: the column and the line of a table that it stands in."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmark.spec import Scalar
from reports.names import DATASETS, MODELS, data_label, method_label, variant_label


class Setting(NamedTuple):
    """What a column of a table, or a panel of a figure, is about."""

    dataset: str
    model: str
    active_clients: int | None
    """Clients sampled per round; None where the paper does not say it."""
    partition: str | None
    """The partition in words, only where it tells columns apart."""


class Series(NamedTuple):
    """What a line of a table, or of a figure, is about: one method's scores."""

    algorithm: str
    scores: str
    """``global`` or ``personal``."""
    swept: tuple[tuple[str, Scalar], ...] = ()
    """Names and values of the settings that tell this line from others of its method."""

    @property
    def variant(self) -> str:
        """The swept settings as the paper writes them, ``λ=20, K=3``; empty where there is none."""
        return variant_label(dict(self.swept))

    @property
    def label(self) -> str:
        """``PFML (PM), λ=20``."""
        return method_label(self.algorithm, self.scores, self.variant)

    @property
    def name(self) -> str:
        """``PFML (PM)``: the label without the swept settings."""
        return method_label(self.algorithm, self.scores)


def column_label(setting: Setting, among: Sequence[Setting]) -> str:
    """``MNIST, DNN``; with active clients and partition where the settings differ in them."""
    parts = [data_label(setting.dataset, setting.model)]
    if len({s.active_clients for s in among}) > 1 and setting.active_clients is not None:
        parts.append(f"{setting.active_clients} active")
    if setting.partition:
        parts.append(setting.partition)
    return ", ".join(parts)


def sort_key(setting: Setting) -> tuple[object, ...]:
    """The place of a column among others: by data set, model, active clients, partition."""
    data, models = list(DATASETS), list(MODELS)
    return (
        data.index(setting.dataset) if setting.dataset in data else len(data),
        setting.dataset,
        models.index(setting.model) if setting.model in models else len(models),
        setting.model,
        setting.active_clients or 0,
        setting.partition or "",
    )


def signed(value: float) -> str:
    """``+0.05`` or ``−0.11``: two decimals and a true minus sign."""
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "−")  # + 0.0: no negative zero
