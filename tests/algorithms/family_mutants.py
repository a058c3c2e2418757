"""Defects seen in public implementations of the families of personalised learning, planted."""

from collections.abc import Callable

from benchmark.contract.rows import check_one_client_at_a_time
from benchmark.engine.methods import Method
from tests.algorithms.family_limits import FAMILIES
from tests.algorithms.federations import federation
from tests.algorithms.mutants import Mutant
from tests.algorithms.parity_checks import check_parity


def equals_the_loop(method: Method) -> None:
    """Three rounds of a model with a body and a head, in which two of four that train send."""
    check_parity(method, {}, federation("dnn", participation="all"))


def personal_steps_after_equal_the_loop(method: Method) -> None:
    """The same with Ditto's personal steps after the others."""
    check_parity(method, {"order": "after"}, federation("dnn", participation="all"))


Defects = tuple[str, str, str]


def planted(
    file: str, *defects: Defects, checks: tuple[Callable[[Method], None], ...] = ()
) -> list[Mutant]:
    """Defects of one method, each with the text before and after."""
    return [
        Mutant(defect, file, old, new, (equals_the_loop, *checks)) for defect, old, new in defects
    ]


REGULARISED = [
    *planted(
        "fedprox",
        ("the penalty has no gradient", "hyper.mu * (rows - start)", "0 * (rows - start)"),
        ("the centre moves along", "hyper.mu * (rows - start)", "hyper.mu * (rows - rows)"),
        (
            "the penalty is a norm that is not squared",
            "hyper.mu * (rows - start)",
            "hyper.mu * (rows - start) / (rows - start).norm(dim=1, keepdim=True).clamp_min(1e-9)",
        ),
    ),
    *planted(
        "ditto",
        (
            "the centre is the trained model",
            "v = pulled(v, start, batch, cohort, hyper)\n    for",
            "v = pulled(v, w, batch, cohort, hyper)\n    for",
        ),
        ("v starts each round from w", "v = cohort.read(state.v)", "v = w"),
        ("λ is always 0.1", "hyper.eta, hyper.lam,", "hyper.eta, 0.1,"),
    ),
    Mutant(
        "later personal steps are pulled to the trained model",
        "ditto",
        "    for batch in then:\n        v = pulled(v, start,",
        "    for batch in then:\n        v = pulled(v, w,",
        (personal_steps_after_equal_the_loop,),
    ),
    Mutant(
        "later personal steps are taken on the same mini-batches",
        "ditto",
        'first, then = cohort.phases(hyper.E, hyper.E if hyper.order == "after" else 0)',
        "first = cohort.batches(hyper.E); then = cohort.batches(hyper.E)",
        (personal_steps_after_equal_the_loop,),
    ),
    Mutant(
        "λ is 0 unless given",
        "ditto",
        "lam: NonNegative = 1.0",
        "lam: NonNegative = 0.0",
        (FAMILIES["ditto"],),
    ),
    *planted(
        "feddyn",
        ("the quadratic term is missing", " + hyper.alpha * (theta - start)\n", "\n"),
        ("duals have the wrong sign in the loss", " - g + ", " + g + "),
        ("duals have no effect", " - g + ", " + "),
        ("the server counts α twice", "h / hyper.alpha", "2 * h / hyper.alpha"),
        (
            "the penalty is a norm that is not squared",
            " + hyper.alpha * (theta - start)\n",
            " + hyper.alpha * (theta - start) / (theta - start).norm(dim=1, keepdim=True)"
            ".clamp_min(1e-9)\n",
        ),
    ),
    *planted(
        "feddyn",
        ("the mean dual is over those who send", "cohort.fraction * cohort", "cohort"),
        ("who does not send counts", "cohort.sends * change", "change"),
        ("the server's dual has the wrong sign", "state.h + cohort", "state.h - cohort"),
        checks=(FAMILIES["feddyn"],),
    ),
]

MIXED = [
    *planted(
        "apfl",
        (
            "v is overwritten by the mixture",
            "(state.v, v)",
            "(state.v, alpha * v + (1 - alpha) * w)",
        ),
        (
            "v takes the gradient at v",
            "cohort.grad(alpha * v + (1 - alpha) * w, batch)",
            "cohort.grad(v, batch)",
        ),
        (
            "the mixture is α (v + w)",
            "cohort.grad(alpha * v + (1 - alpha) * w, batch)",
            "cohort.grad(alpha * v + alpha * w, batch)",
        ),
        ("the chain rule's α is missing", "hyper.eta * (alpha * slope)", "hyper.eta * slope"),
        ("no gradient reaches v", "hyper.eta * (alpha * slope)", "0 * slope"),
        (
            "w takes each gradient twice",
            "w - hyper.eta * cohort.grad(w, batch)",
            "w - 2 * hyper.eta * cohort.grad(w, batch)",
        ),
        ("the mixture holds a stale w", "everyone.spread(state.w)", "state.v"),
    ),
    *planted(
        "fml",
        (
            "KL is averaged over classes too",
            "(1 - hyper.alpha) * kl",
            "(1 - hyper.alpha) / 3 * kl",
        ),
        (
            "w's peer has moved already",
            "at_w.grad(loss_w, at_m.probs)",
            "at_w.grad(loss_w, at_w.probs)",
        ),
        (
            "m starts each round from w",
            "cohort.spread(state.w), cohort.read(state.m)",
            "(cohort.spread(state.w),) * 2",
        ),
    ),
    *(
        Mutant(defect, "fml", old, new, (FAMILIES["fml"],))
        for defect, old, new in (
            ("m never sees its peer", "alpha: Share = 0.5", "alpha: Share = 1.0"),
            ("w never sees labels", "beta: Share = 0.5", "beta: Share = 0.0"),
        )
    ),
    *planted(
        "superfed",
        (
            "the local model alone is scored",
            "(1 - hyper.mixture) * everyone.spread(state.w) + hyper.mixture * state.v",
            "state.v",
        ),
        ("the two models start from one", "everyone.start(1)", "w"),
        ("λ has no part in the gradients", "(1 - lam) * g + hyper", "g + hyper"),
        (
            "the penalty is a norm that is not squared",
            "hyper.mu * (w - start)",
            "hyper.mu * (w - start) / (w - start).norm(dim=1, keepdim=True).clamp_min(1e-9)",
        ),
        ("the two are pushed to be parallel", "+ nu * push(w, v)", "- nu * push(w, v)"),
    ),
    *planted(
        "fedala",
        ("weights are not kept", "cohort.write(state.weight, weight)", "state.weight"),
        ("weights leave [0, 1]", ".clamp(0, 1)", ""),
        (
            "only the last bias is mixed",
            "cohort.head(hyper.layers) *",
            "(cohort.head(hyper.layers).cumsum(0) > 15) *",
        ),
        ("the old model is the global one", "(received - own)", "(received - received)"),
    ),
    Mutant(
        "the model of another client is mixed",
        "fedala",
        "cohort.read(state.own)",
        "cohort.read(state.own).roll(1, 0)",
        (equals_the_loop, check_one_client_at_a_time),
    ),
]

SHARING = [
    *planted(
        "fedper",
        ("the heads are averaged too", "cohort.mean(~head * rows)", "cohort.mean(rows)"),
        ("the head is not kept", "cohort.write(state.own, head * rows)", "state.own"),
        checks=(FAMILIES["fedper"],),
    ),
    *planted(
        "lgfedavg",
        ("the wrong end is shared", "head = cohort.head(", "head = ~cohort.head("),
        checks=(FAMILIES["lgfedavg"],),
    ),
    *planted(
        "fedrep",
        ("the body moves while the head is trained", "(part * v)", "v"),
        ("the body comes first", "zip((head, ~head)", "zip((~head, head)"),
        ("one of the head's steps is lost", "phases(hyper.H,", "phases(hyper.H - 1,"),
        (
            "the body's velocity is the head's",
            "        v = None\n",
            "        v = locals().get('v')\n",
        ),
    ),
    *planted(
        "fedbabu",
        ("the head is trained", "hyper.eta * (body * v))", "hyper.eta * v)"),
        (
            "weight decay shrinks the head",
            "(body * v))",
            "(body * v + hyper.decay * ~body * rows))",
        ),
        ("fine-tuning is one step short", "hyper.finetune_steps)", "hyper.finetune_steps - 1)"),
        checks=(),
    ),
    *planted(
        "fedrod",
        ("φ's gradient reaches the body", "(head * personal)", "personal"),
        ("personal logits are φ's alone", "cohort.grad(w + phi, batch)", "cohort.grad(phi, batch)"),
        (
            "the label's probability is minimised",
            "cohort.grad(w, batch, balanced",
            "-cohort.grad(w, batch, balanced",
        ),
        (
            "the loss is the probability, not its logarithm",
            "    return cross_entropy.slope(tilted / tilted.sum(-1, keepdim=True), y)",
            "    tilted = tilted / tilted.sum(-1, keepdim=True)\n"
            "    return tilted.gather(-1, y[..., None]) * cross_entropy.slope(tilted, y)",
        ),
        (
            "a batch is left out of the counts",
            "cohort.counts[",
            "(cohort.counts - 1).clamp_min(0)[",
        ),
        ("the balanced loss trains no generic head", "hyper.gamma\n", "0\n"),
        checks=(),
    ),
]

FAMILY_MUTANTS = [*REGULARISED, *MIXED, *SHARING]
