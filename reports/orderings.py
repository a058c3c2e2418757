"""The paper's own claims, held against our runs: who is above whom, what a setting changes."""

from collections.abc import Iterator, Sequence
from itertools import combinations, groupby

from reports.claims import LEVEL, p_label, tested
from reports.compare import SYMBOLS, Row
from reports.load import Results
from reports.names import SYMBOLS as SIGNS
from reports.names import data_label, method_label
from reports.statistics import Paired, holm
from reports.tables import Setting, column_label, place, settings, signed

Side = tuple[str, str]
CLAIMS: tuple[tuple[Side, tuple[Side, ...]], ...] = (
    (
        ("pfml", "personal"),
        (("pfml", "global"), ("pfedme", "personal"), ("pfedme", "global"), ("fedavg", "global")),
    ),
    (("pfml", "global"), (("pfedme", "global"), ("fedavg", "global"))),
)
"""A method's scores, and those that the paper says they are above."""
METHOD = (
    "Claims: Student's t on differences paired over seeds, p adjusted by Holm over all pairs and "
    f"settings of a claim; holds: every gap above zero with p < {LEVEL:g}; does not hold: one "
    "below zero with such a p; else open. Orders compare means alone."
)


def sentences(results: Results, rows: Sequence[Row]) -> list[str]:
    """What the paper's claims come to here, one sentence each; empty where it makes none."""
    printed = [r for r in rows if r.paper_mean is not None]
    if any(r.variant for r in printed):
        return list(_spreads(printed))
    return [*_claims(results, printed), *_orders(printed)]


def method(found: Sequence[str]) -> str:
    """One line on how the sentences about claims were come by; empty where there are none."""
    return METHOD if any(" above " in sentence for sentence in found) else ""


def _claims(results: Results, rows: Sequence[Row]) -> Iterator[str]:
    columns = settings(rows)
    every = sorted(set(columns.values()), key=place)
    for above, others in CLAIMS:
        pairs = [
            (setting, top, low, tested(results, top, low))
            for setting in every
            for top in _rows(rows, columns, setting, (above,))
            for low in _rows(rows, columns, setting, others)
        ]
        several = [pair for pair in pairs if pair[3] is not None]
        adjusted = holm([pair[3].p for pair in several if pair[3] is not None])
        found = []
        for setting in every:
            here = [
                (test, low, p)
                for (at, _, low, test), p in zip(several, adjusted, strict=True)
                if at == setting and test is not None
            ]
            if here:
                found.append(f"{column_label(setting, every)}: {_outcome(here)}")
        if found:
            top, *most, final = (method_label(*side, "") for side in (above, *others))
            yield f"{top} above {', '.join(most)} and {final}. {'. '.join(found)}."


def _outcome(here: Sequence[tuple[Paired, Row, float]]) -> str:
    if all(test.mean > 0 and p < LEVEL for test, _, p in here):
        word = "holds"
    elif any(test.mean < 0 and p < LEVEL for test, _, p in here):
        word = "does not hold"
    else:
        word = "open"
    if word == "open":  # the pair that leaves it open
        test, low, p = max(here, key=lambda one: one[2])
    else:
        test, low, p = min(here, key=lambda one: one[0].mean)
    which = "least certain" if word == "open" else "smallest"
    over = _label(low)
    gap = f"{which} gap {signed(test.mean)} pp, over {over}"
    return f"{word} ({gap}, {test.n} seeds, adjusted {p_label(p)})"


def _orders(rows: Sequence[Row]) -> Iterator[str]:
    """How many pairs of published scores stand in the same order here, setting by setting."""
    columns = settings(rows)
    every = sorted(set(columns.values()), key=place)
    for setting in every:
        here = [r for r in rows if columns[r] == setting and r.difference is not None]
        agree, swapped, ties = 0, [], 0
        for one, other in combinations(here, 2):
            gap = (one.paper_mean or 0.0) - (other.paper_mean or 0.0)
            ours = (one.ours_mean or 0.0) - (other.ours_mean or 0.0)
            ties += gap == 0
            if gap * ours > 0:
                agree += 1
            elif gap:
                high, low = (one, other) if gap > 0 else (other, one)
                names = [_label(r) for r in (high, low)]
                swapped.append(
                    f"{names[0]} over {names[1]} (published {signed(abs(gap))}, "
                    f"ours {signed(-abs(ours))} pp)"
                )
        if agree or swapped:
            text = f"{column_label(setting, every)}: the published order of scores holds in "
            text += f"{agree} of {agree + len(swapped)} pairs"
            yield text + (f"; not {'; '.join(swapped)}." if swapped else ".")


def _spreads(rows: Sequence[Row]) -> Iterator[str]:
    """How far apart the means of a sweep lie: small is insensitive."""

    def key(r: Row) -> tuple[str, str, int, str]:
        return r.dataset, r.model, r.active_clients or 0, r.scores

    for _, group in groupby(sorted(rows, key=key), key=key):
        here = [r for r in group if r.ours_mean is not None and r.paper_mean is not None]
        varied = [s for s in SYMBOLS if len({getattr(r, s) for r in here}) > 1]
        if not varied or any(r.difference is None for r in here):
            continue
        first, symbol = here[0], varied[0]
        values = sorted(getattr(r, symbol) for r in here)
        spans = [
            max(means) - min(means)
            for means in ([r.ours_mean or 0.0 for r in here], [r.paper_mean or 0.0 for r in here])
        ]
        where = f"{data_label(first.dataset, first.model)}, {_label(first)}"
        yield (
            f"{where}: over {SIGNS.get(symbol, symbol)} from {values[0]:g} to {values[-1]:g} our "
            f"means lie within {spans[0]:.2f} pp of each other, the published within "
            f"{spans[1]:.2f} pp."
        )


def _rows(
    rows: Sequence[Row], columns: dict[Row, Setting], setting: Setting, sides: Sequence[Side]
) -> list[Row]:
    return [
        r
        for side in sides
        for r in rows
        if columns[r] == setting and (r.algorithm, r.scores) == side and r.difference is not None
    ]


def _label(row: Row) -> str:
    return method_label(row.algorithm, row.scores, "")
