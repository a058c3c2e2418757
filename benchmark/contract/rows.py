"""Rules that every method must keep: checks on the rows of its state."""

import ast
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from benchmark.contract.federations import (
    PARTS,
    N,
    Outcome,
    brief,
    close,
    federation,
    initial,
    trained,
    trains,
)
from benchmark.engine.blocks import Blocks
from benchmark.engine.cohort import Cohort, Federation
from benchmark.engine.drawing import Drawing, Phase
from benchmark.engine.methods import Method
from benchmark.engine.snapshot import Snapshot
from benchmark.store.checkpoint import Checkpoints
from benchmark.store.header import Identity

VENUE = re.compile(
    r"AISTATS|NeurIPS|NIPS|ICML|ICLR|ACML|AAAI|IJCAI|CVPR|MLSys|KDD|TMLR|JMLR|arXiv|Proceedings"
)
EVERYONE = np.arange(N)
WHOSE = Identity(cell="", seeds=(0,), method="", partition="", engine="", torch="", device="cpu")


class Spy(Cohort):
    """A cohort that keeps the rows whose mean was taken."""

    sent: tuple[Tensor, ...] = ()

    def mean(self, rows: Tensor) -> Tensor:
        """The mean; the rows are kept."""
        self.sent = (*self.sent, rows)
        return super().mean(rows)


def after(method: Method, of: Federation, rounds: int) -> Any:
    """The state after some rounds of training."""
    hyper = method.resolve(brief(method))
    state = method.init(initial(of), of.everyone(0), hyper)
    for t in range(rounds):
        state = method.train_round(state, of.cohort(t), hyper)
    return state


def tables(state: Any) -> dict[str, Tensor]:
    """The fields with a row for each client, where there is one replica."""
    return {name: value for name, value in state._asdict().items() if len(value) == N}


def close_rows(left: Any, right: Any, order: Any = slice(None)) -> None:
    """Fail unless globals are close, and tables too once the clients of ``right`` are reordered."""
    ours, theirs = left._asdict(), right._asdict()
    close(ours, theirs | {name: rows[order] for name, rows in tables(right).items()}, 1e-12)


def equal_draws() -> Any:
    """Let all clients draw the same numbers in the block; otherwise these depend on their order."""

    def uniforms(drawing: Drawing, phase: Phase) -> Any:
        rng = np.random.default_rng(drawing.round_)
        each: Any = rng.random((drawing.steps(phase), 1))
        return each.repeat(len(drawing.clients), 1)

    return patch.object(Drawing, "uniforms", uniforms)


def check_one_client_at_a_time(method: Method) -> None:
    """A client's rows, and what it sends, do not depend on who else trains."""
    if ".mix(" in method.path.read_text(encoding="utf-8"):
        return  # what clients get there depends on the others by design
    with equal_draws():
        _check_one_client_at_a_time(method)


def _check_one_client_at_a_time(method: Method) -> None:
    of = federation("dnn")
    hyper, state = method.resolve(brief(method)), after(method, of, 2)
    together = Spy(of, 2, [EVERYONE], [EVERYONE])
    after_all = method.train_round(state, together, hyper)
    for i in range(N):
        alone = federation("dnn", parts=[PARTS[i]], active=1)
        spy = Spy(alone, 2, [EVERYONE[:1]], [EVERYONE[:1]])
        own = state._replace(**{name: rows[i : i + 1] for name, rows in tables(state).items()})
        after_own = method.train_round(own, spy, hyper)._asdict()
        for name, rows in tables(after_all).items():
            close({name: rows[i : i + 1]}, {name: after_own[name]}, 1e-12)
        for ours, theirs in zip(together.sent, spy.sent, strict=True):
            close({"sent": ours[i : i + 1]}, {"sent": theirs}, 1e-12)


def check_permuting_clients_permutes_rows(method: Method) -> None:
    """The order of clients does not matter: another one gives the same rows and global model."""
    order = np.array([2, 0, 3, 1])
    senders = np.array([0, 2])
    mirrored = np.sort(np.argsort(order)[senders])
    hyper = method.resolve(brief(method))
    first, second = federation(), federation(parts=[PARTS[i] for i in order])
    for training, image in ((EVERYONE, EVERYONE), (senders, mirrored)):
        state = method.init(initial(first), first.everyone(0), hyper)
        other = method.init(initial(second), second.everyone(0), hyper)
        with equal_draws():
            for t in range(3):
                state = method.train_round(state, Cohort(first, t, [training], [senders]), hyper)
                other = method.train_round(other, Cohort(second, t, [image], [mirrored]), hyper)
        close_rows(other, state, order)


def check_padding_changes_nothing(method: Method) -> None:
    """Padding does not matter: longer blocks with any finite values in it give the same result."""
    of = federation("dnn")
    padded = replace(of, train=_longer(of.train))
    hyper, w = brief(method), initial(of)
    close(trained(method, hyper, padded, w), trained(method, hyper, of, w), 1e-12)


def _longer(blocks: Blocks, by: int = 3) -> Blocks:
    def grown(values: Tensor, filling: float) -> Tensor:
        return torch.cat([values, torch.full_like(values[:, :by], filling)], dim=1)

    x = grown(torch.where(blocks.mask[..., None, None, None] > 0, blocks.x, 9.0), -9.0)
    return replace(blocks, x=x, y=grown(blocks.y, 1), mask=grown(blocks.mask, 0))


def check_absent_clients_are_untouched(method: Method) -> None:
    """The rows of clients that do not train keep their bits in a round."""
    of = federation(participation="sampled")
    hyper, state = method.resolve(brief(method)), after(method, of, 2)
    cohort = of.cohort(2)
    absent = [i for i in range(N) if i not in trains(cohort, of)]
    assert absent
    new = tables(method.train_round(state, cohort, hyper))
    for name, rows in tables(state).items():
        assert torch.equal(rows[absent], new[name][absent]), name


def check_inputs_are_not_changed(method: Method) -> None:
    """No function of a method writes into the tensors it is given."""
    for participation in ("all", "sampled"):
        of = federation(participation=participation)
        hyper, w = method.resolve(brief(method)), initial(of)
        data = {"x": of.train.x, "y": of.train.y, "mask": of.train.mask, "w": w}
        copies = _clones(data)
        state = method.init(w, of.everyone(0), hyper)
        for t in range(2):
            before = _clones(state._asdict())
            new = method.train_round(state, of.cohort(t), hyper)
            method.personal_models(state, of.everyone(t), hyper)
            close(state._asdict(), before, 0)
            state = new
        close(data, copies, 0)


def _clones(tensors: Outcome) -> Outcome:
    return {name: value.clone() for name, value in tensors.items()}


def check_state_round_trips(method: Method) -> None:
    """A state that is read from a checkpoint continues to the same bits."""
    of = federation(participation="sampled", batches="shuffled_passes")
    hyper, state = method.resolve(brief(method)), after(method, of, 2)
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(Path(folder), WHOSE, "now")
        checkpoints.save(Snapshot(2, 1.0, method.packed(state)))
        resumed = checkpoints.resume(print)
    assert resumed is not None
    loaded = method.unpacked(resumed.tensors, torch.device("cpu"))
    again = method.train_round(loaded, of.cohort(2), hyper)
    close(again._asdict(), method.train_round(state, of.cohort(2), hyper)._asdict(), 0)


def check_two_runs_are_bit_identical(method: Method, **options: Any) -> None:
    """Results do not depend on the state of the global random generators."""
    outcomes = []
    for noise in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(noise)
            np.random.seed(noise)
            of = federation(participation="sampled", batches="with_replacement", **options)
            outcomes.append(trained(method, brief(method), of, initial(of)))
    close(outcomes[0], outcomes[1], 0)


def check_docstring_cites_a_paper(method: Method) -> None:
    """The module's docstring names the venue and the year of the publication."""
    text = ast.get_docstring(ast.parse(method.path.read_text())) or ""
    assert re.search(r"\b(19|20)\d\d\b", text), "no year"
    assert VENUE.search(text), "no venue"


CONTRACT = (
    check_one_client_at_a_time,
    check_permuting_clients_permutes_rows,
    check_padding_changes_nothing,
    check_absent_clients_are_untouched,
    check_inputs_are_not_changed,
    check_state_round_trips,
    check_two_runs_are_bit_identical,
    check_docstring_cites_a_paper,
)
