"""Planted defects of methods whose server does more than average whole models."""

from benchmark.engine.methods import Method
from tests.algorithms.family_limits import FAMILIES
from tests.algorithms.family_mutants import planted
from tests.algorithms.federations import federation
from tests.algorithms.mutants import Mutant
from tests.algorithms.parity_checks import check_parity


def heuristic_equals_the_loop(method: Method) -> None:
    """HeurFedAMP, three of four clients sending: of two, each resembles the other alone."""
    check_parity(method, {"attention": "cosine"}, federation("dnn", participation="all", active=3))


def option_one_equals_the_loop(method: Method) -> None:
    """The same with SCAFFOLD's option I."""
    check_parity(method, {"option": "I"}, federation("dnn", participation="all"))


SERVER_MUTANTS = [
    *planted(
        "scaffold",
        ("c_i is never stored", "c_i + cohort.sends * change", "c_i"),
        ("who does not send counts", "cohort.sends * change", "change"),
        ("c moves by the mean over those who send", "cohort.fraction * cohort", "cohort"),
        (
            "the server steps along models, not differences",
            "state.w + hyper.eta_g * cohort.uniform(y - start)",
            "hyper.eta_g * cohort.uniform(y)",
        ),
        checks=(FAMILIES["scaffold"],),
    ),
    *planted(
        "scaffold",
        (
            "the correction has no effect",
            "(cohort.grad(y, batch) + correction)",
            "cohort.grad(y, batch)",
        ),
        ("the distance is not divided by the steps", "(taken * hyper.eta)", "hyper.eta"),
        ("the mean is weighted by samples", "cohort.uniform(y - start)", "cohort.mean(y - start)"),
    ),
    *(
        Mutant(defect, "scaffold", old, new, (option_one_equals_the_loop,))
        for defect, old, new in (
            (
                "option I takes gradients along the way",
                "cohort.grad(start, batch)",
                "cohort.grad(y, batch)",
            ),
            ("option I adds gradients up", "slopes / taken - c_i", "slopes - c_i"),
            ("option I renews c_i by what it was", "slopes / taken - c_i", "slopes / taken"),
            ("option I keeps the last gradient alone", "slopes + cohort.grad", "cohort.grad"),
        )
    ),
    *planted(
        "fedamp",
        ("the pull has no gradient", "hyper.lam / hyper.alpha", "0.0"),
        ("u is never taken", "cohort.mix(attention(own, cohort, hyper), own)", "own"),
        ("the pull is λ / 2α", "hyper.lam / hyper.alpha", "hyper.lam / (2 * hyper.alpha)"),
        ("distances are not squared", "-apart / hyper", "-apart.sqrt() / hyper"),
        (
            "u is scored",
            "return state.own",
            "return everyone.mix(attention(state.own, everyone, hyper), state.own)",
        ),
    ),
    *(
        Mutant(defect, "fedamp", old, new, (heuristic_equals_the_loop,))
        for defect, old, new in (
            ("a client counts among those it resembles", "(1 - torch.eye(", "(1 - 0 * torch.eye("),
            ("who does not send attracts", "cohort.sends.view(", "(0 * cohort.sends + 1).view("),
            (
                "attention is of products, not of cosines",
                "own / own.norm(dim=1, keepdim=True)",
                "own",
            ),
            ("a client has no weight of its own", "(1 - hyper.xi) * ", ""),
        )
    ),
    *planted(
        "ifca",
        (
            "every client takes the first model",
            "losses.argmin(1, keepdim=True)",
            "0 * losses.argmin(1, keepdim=True)",
        ),
        ("the worst model is taken", "losses.argmin", "losses.argmax"),
        (
            "the mean is not over members",
            "cohort.mean(joined * rows) / share",
            "cohort.mean(rows) / share",
        ),
        ("one batch decides", "cohort.batches(hyper.C)", "cohort.batches(1)"),
    ),
]
