"""What a number is about: the column and the line of a table that it stands in."""

from collections.abc import Sequence
from typing import NamedTuple

from benchmark.spec import Scalar
from reports.names import DATASETS, MODELS, data_label, method_label, variant_label


class Setting(NamedTuple):
    """What a column of a table, or a panel of a figure, is about."""

    dataset: str
    """Name of the data set."""
    model: str
    """Name of the model, or of both, as in ``mlr+dnn``."""
    active_clients: int | None
    """Clients sampled per round; None where the paper does not say it."""
    partition: str | None
    """The partition in words, only where it tells columns apart."""


class Series(NamedTuple):
    """What a line of a table, or of a figure, is about: one method's scores."""

    algorithm: str
    """Name of the method."""
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


def short_labels(among: Sequence[Setting]) -> dict[Setting, str]:
    """The label of each column by few words that tell it apart: ``Dirichlet(0.1)``."""
    heads = _own([column_label(s._replace(partition=None), among).split(", ") for s in among])
    tails = _own([s.partition.split(", ") if s.partition else [] for s in among])
    kinds = [list(words) for words in {tuple(tail) for tail in tails}]
    return {
        setting: " ".join([*head, *_told_apart(tail, kinds)]) or column_label(setting, among)
        for setting, head, tail in zip(among, heads, tails, strict=True)
    }


def _own(every: Sequence[list[str]]) -> list[list[str]]:
    """Each list without the words that all of them share."""
    shared = set.intersection(*map(set, every)) if every else set()
    return [[word for word in words if word not in shared] for words in every]


def _told_apart(words: list[str], among: Sequence[list[str]]) -> list[str]:
    """The shortest beginning of the words that no other has; all of them if there is none."""
    for length in range(1, len(words)):
        if sum(other[:length] == words[:length] for other in among) == 1:
            return words[:length]
    return words


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
