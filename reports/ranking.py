"""The words of a page on all methods across settings: what was found, and the tables behind it."""

from collections.abc import Mapping, Sequence

from reports import aggregates
from reports.across import ALONE, Standing, Table, standings
from reports.aggregates import Estimate
from reports.equivalence import LEAST_SEEDS, PRACTICAL
from reports.names import DATASETS, method_label
from reports.settings import short_labels, signed

HEADINGS = (
    *("method", "mean rank", "gain over alone (pp)", "practically, against alone"),
    *("above alone on", "below alone on", "clients worse off", "kB per round", "gradients"),
)
CHANCES = ("method", "P(above alone)", "P(above fine-tuned FedAvg)", "worse", "equal", "better")
NOTE = (
    "Each method by its personalised models (PM), or by its global model (GM) if it has no others. "
    "Alone: local-only, tuned like all others. Mean rank: over settings, 1 is the best; with few "
    "settings ranks tell little. Gain: the interquartile mean, which is the mean of the middle "
    "half of all gains over settings and seeds, in percentage points. Practically: what at least "
    f"{100 * aggregates.CERTAIN:g} % of a bootstrap over settings and seeds agrees on, where "
    f"±{PRACTICAL:g} pp count as equal; no answer from fewer than {LEAST_SEEDS} seeds. Above or "
    f"below alone: settings whose mean gain is beyond ±{PRACTICAL:g} pp. Clients worse off: those "
    "whose accuracy, averaged over seeds, is below their own under local-only, mean over settings. "
    "kB, sent and received, and mini-batch gradients: per client and round, mean over settings."
)
CHANCES_NOTE = (
    "P(above …): the chance that one run is above another of the same setting, 0.5 if they are "
    "alike. In brackets, here and above: 95 % intervals of a bootstrap over seeds within each "
    "setting; they cover what a seed changes, not the choice of settings or of test samples. "
    "Worse, equal, better: the shares of a bootstrap over settings and seeds in "
    f"which the mean gain over alone is below −{PRACTICAL:g} pp, within ±{PRACTICAL:g} pp, or "
    "above."
)

MOST_NAMED = 6
"""So many methods are named in a sentence."""


def findings(found: Table, every: Sequence[Standing]) -> list[str]:
    """What the page says first, then by setting, clients and cost, and what is left out.

    Of several data sets the first sentence says what holds on each of them.
    """
    left = _left_out(found)
    if not every:
        return [left] if left else []
    names = list(dict.fromkeys(setting.dataset for setting in found.settings))
    parts = {DATASETS.get(name, name): found.on(name) for name in names}
    by_data = {name: (part, standings(part)) for name, part in parts.items()}
    said = [_verdict(found, every)]
    if len(names) > 1:
        said = [
            _on_each(by_data),
            *(f"On {name}, {_verdict(*each)}" for name, each in by_data.items()),
            f"Over all, {said[0]}",
        ]
    return [
        text for text in [*said, _where(found, every), _harm(every), _cost(every), left] if text
    ]


def _on_each(by_data: Mapping[str, tuple[Table, Sequence[Standing]]]) -> str:
    """Who is practically better than training alone on every data set; who ranks first on each."""
    first = ", ".join(f"{_label(every[0])} on {name}" for name, (_, every) in by_data.items())
    if any(found.seeds < LEAST_SEEDS for found, _ in by_data.values()):
        return f"Best mean rank: {first}; {LEAST_SEEDS} seeds are the least for a claim."
    better = [{_label(one) for one in _called("better", every)} for _, every in by_data.values()]
    (_, some) = next(iter(by_data.values()))
    names = [_label(one) for one in some if _label(one) in set.intersection(*better)]
    who = _named(names) if names else "no method"
    where = f"each of {len(by_data)} data sets"
    return f"Practically better than training alone on {where}: {who}. Best mean rank: {first}."


def _verdict(found: Table, every: Sequence[Standing]) -> str:
    """Who ranks first, and who is practically better or worse than training alone."""
    best, rivals = every[0], [one for one in every if one.algorithm != ALONE]
    size = f"{_count(len(found.settings), 'setting')} and {_count(found.seeds, 'seed')}"
    first = f"{_label(best)} has the best mean rank, {best.rank:.1f} of {len(every)}, over {size}"
    if found.seeds < LEAST_SEEDS:
        return f"{first}; {LEAST_SEEDS} seeds are the least for a claim, so none is made."
    words = {"better": "better than", "equal": "equal to", "worse": "worse than"}
    said = [
        f"practically {phrase} training alone: {len(called)} of {len(rivals)} methods"
        f"{_bracketed(called)}"
        for word, phrase in words.items()
        if (called := [_label(one) for one in _called(word, rivals)])
    ]
    if not said and any(one.gains for one in rivals):
        said = ["no method is practically better or worse than training alone"]
    return "; ".join([first, *said]) + "."


def _called(word: str, every: Sequence[Standing]) -> list[Standing]:
    return [one for one in every if one.practical and one.practical.word == word]


def _bracketed(names: Sequence[str]) -> str:
    """The names in brackets; nothing for many, which the picture shows better."""
    return f" ({', '.join(names)})" if len(names) <= MOST_NAMED else ""


def _named(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} methods"


def _where(found: Table, every: Sequence[Standing]) -> str:
    """On which settings methods are above and below training alone."""
    rivals = [one for one in every if one.gains]
    if not rivals or found.seeds < LEAST_SEEDS:
        return ""
    labels = short_labels(found.settings)
    said = []
    for setting in found.settings:
        above = sum(setting in one.wins for one in rivals)
        below = sum(setting in one.losses for one in rivals)
        said.append(f"on {labels[setting]}, {above} and {below}")
    return (
        f"Number of the {len(rivals)} methods above and below training alone by more than "
        f"{PRACTICAL:g} pp: {'; '.join(said)}."
    )


def _harm(every: Sequence[Standing]) -> str:
    """Which methods leave the fewest and the most clients worse off than alone."""
    known = [(one.harmed, _label(one)) for one in every if one.harmed is not None]
    if not known:
        return ""
    (least, kind), (most, harsh) = min(known), max(known)
    if len(known) == 1:
        return f"{kind} leaves {least:.0f} % of the clients worse off than alone."
    return (
        f"Between {least:.0f} % ({kind}) and {most:.0f} % ({harsh}) of the clients are worse off "
        "than alone."
    )


def _cost(every: Sequence[Standing]) -> str:
    """What the first method costs, and what the cheapest of the practically better ones costs."""
    best = every[0]
    if best.kilobytes is None or best.gradients is None:
        return ""
    said = f"{_label(best)} costs {_price(best)} per client and round"
    better = _called("better", every)
    cheap = min(better, key=lambda one: one.kilobytes or 0.0, default=best)
    if cheap is not best and cheap.kilobytes is not None:
        said += f"; {_label(cheap)}, the cheapest of the practically better ones, {_price(cheap)}"
    return f"{said}."


def _price(one: Standing) -> str:
    return f"{one.kilobytes:.1f} kB and {one.gradients:.0f} gradients"


def _left_out(found: Table) -> str:
    """Settings and methods that no claim rests on, and why."""
    said = []
    if found.partial:
        labels = short_labels([*found.settings, *found.partial])
        most = len(found.rows) + len(found.missing)
        counts = (f"{labels[s]} ({n} of {most} methods)" for s, n in found.partial.items())
        said.append(
            f"No claim rests on {', '.join(counts)}: too few methods have run there with enough "
            "seeds, or the data set lacks other settings."
        )
    if found.missing:
        names = ", ".join(method_label(*key) for key in found.missing)
        said.append(f"Not ranked, as they lack a setting or diverged in one: {names}.")
    return " ".join(said)


def lines(found: Table, every: Sequence[Standing]) -> list[tuple[str, ...]]:
    """The first table's rows as text."""
    return [
        (
            _label(one),
            f"{one.rank:.2f}",
            _estimate(one.gain, is_signed=True),
            one.practical.word if one.practical else "–",
            f"{len(one.wins)} of {len(found.settings)}" if one.gains else "–",
            f"{len(one.losses)} of {len(found.settings)}" if one.gains else "–",
            "–" if one.harmed is None else f"{one.harmed:.0f} %",
            "–" if one.kilobytes is None else f"{one.kilobytes:.1f}",
            "–" if one.gradients is None else f"{one.gradients:.0f}",
        )
        for one in every
    ]


def chances(every: Sequence[Standing]) -> list[tuple[str, ...]]:
    """The second table's rows as text."""
    return [
        (
            _label(one),
            _estimate(one.above_alone),
            _estimate(one.above_tuned),
            *([f"{share:.2f}" for share in one.practical] if one.practical else ["–"] * 3),
        )
        for one in every
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _label(one: Standing) -> str:
    return method_label(one.algorithm, one.scores)


def _estimate(found: Estimate | None, *, is_signed: bool = False) -> str:
    if found is None:
        return "–"
    value, low, high = (signed(x) if is_signed else f"{x:.2f}" for x in found)
    return f"{value} [{low}, {high}]"
