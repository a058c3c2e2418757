"""Defects of methods: those seen in public implementations, and their kin."""

from benchmark.contract.protocol import check_gradient_evaluations
from benchmark.contract.rows import (
    check_absent_clients_are_untouched,
    check_docstring_cites_a_paper,
    check_inputs_are_not_changed,
    check_one_client_at_a_time,
    check_padding_changes_nothing,
    check_permuting_clients_permutes_rows,
    check_state_round_trips,
    check_two_runs_are_bit_identical,
)
from benchmark.contract.settings import (
    check_settings_are_frozen_with_defaults,
    check_wrong_settings_are_refused,
    check_zero_server_step_is_refused,
)
from benchmark.engine.methods import Method
from tests.algorithms import limit_checks as limits
from tests.algorithms.mutants import Mutant
from tests.algorithms.parity_checks import check_parity


def equals_the_plain_loop(method: Method) -> None:
    check_parity(method, {}, rounds=2)


SCORED_MODEL = (
    Mutant(
        "w_i overwrites θ before it is scored",
        "pfedme",
        "cohort.write(state.theta, theta)",
        "cohort.write(state.theta, local)",
        (limits.check_personal_models_are_their_own, equals_the_plain_loop),
    ),
    Mutant(
        "the global model is scored as the personalised one",
        "pfedme",
        'return state.theta if hyper.scored == "theta" else state.local',
        "return everyone.spread(state.w)",
        (limits.check_personal_models_are_their_own, equals_the_plain_loop),
    ),
    Mutant(
        "the initial weights are scored as the personalised ones",
        "pfedme",
        "return State(w, cohort.write(state.theta, theta), ",
        "return State(w, state.theta, ",
        (limits.check_personal_models_are_their_own, equals_the_plain_loop),
    ),
    Mutant(
        "the auxiliary model is scored in place of θ",
        "pfml",
        'return state.theta if hyper.scored == "theta" else state.m',
        "return state.m",
        (limits.check_personal_models_are_their_own, equals_the_plain_loop),
    ),
)

INNER_PROBLEM = (
    Mutant(
        "the proximal centre is the model itself",
        "pfedme",
        "hyper.alpha, hyper.lam, local, hyper.mu)",
        "hyper.alpha, hyper.lam, theta, hyper.mu)",
        (
            limits.check_large_lambda_pins_theta,
            limits.check_theta_solves_the_envelope,
            equals_the_plain_loop,
        ),
    ),
    Mutant(
        "the proximal centre of θ is θ itself",
        "pfml",
        "proximal_step(theta, g_theta, alpha, lam, m_prev, mu)",
        "proximal_step(theta, g_theta, alpha, lam, theta, mu)",
        (limits.check_large_lambda_pins_theta, equals_the_plain_loop),
    ),
    Mutant(
        "λ is not the one asked for",
        "pfedme",
        "    local = theta = cohort.spread(state.w)",
        "    hyper = Hyper(K=hyper.K, E=hyper.E); local = theta = cohort.spread(state.w)",
        (limits.check_lambda_matters, limits.check_zero_lambda_is_plain_sgd),
    ),
    Mutant(
        "gradients accumulate over the K steps",
        "pfedme",
        "            gradient = cohort.grad(theta, batch)\n",
        "            gradient = cohort.grad(theta, batch) + (gradient if _ else 0)\n",
        (equals_the_plain_loop, limits.check_zero_lambda_is_plain_sgd),
    ),
    Mutant(
        "w_i moves by the inner step size",
        "pfedme",
        "local - hyper.eta * hyper.lam",
        "local - hyper.alpha * hyper.lam",
        (limits.check_one_inner_step_is_fedavg, equals_the_plain_loop),
    ),
    Mutant(
        "m takes the gradient at θ",
        "pfml",
        "proximal_step(m, G_m, eta, lam, theta)",
        "proximal_step(m, g_theta, eta, lam, theta)",
        (limits.check_alone_it_is_fedavg_and_local, equals_the_plain_loop),
    ),
    Mutant(
        "m starts each round from the global model",
        "pfml",
        "cohort.read(state.m) if hyper.persistent else w",
        "w",
        (limits.check_alone_it_is_fedavg_and_local, equals_the_plain_loop),
    ),
    Mutant(
        "m moves from θ",
        "pfml",
        "proximal_step(m, G_m, eta, lam, theta)",
        "theta - eta * G_m",
        (limits.check_inner_steps_do_not_matter_without_lambda, equals_the_plain_loop),
    ),
)

SERVER = (
    *(
        Mutant(
            "β is 0 unless given, and the global model never moves",
            name,
            "beta: Positive = 1.0",
            "beta: NonNegative = 0.0",
            (limits.check_the_global_model_moves, check_zero_server_step_is_refused),
        )
        for name in ("pfedme", "pfml")
    ),
    Mutant(
        "the mean never reaches the global model",
        "pfml",
        "mixed = (1 - hyper.beta) * state.w + hyper.beta * cohort.mean(w)",
        "mixed = state.w + 0 * cohort.mean(w)",
        (
            limits.check_server_step,
            limits.check_the_global_model_moves,
            limits.check_alone_it_is_fedavg_and_local,
        ),
    ),
    Mutant(
        "β weights the old model",
        "pfedme",
        "(1 - hyper.beta) * state.w + hyper.beta * cohort.mean(local)",
        "hyper.beta * state.w + (1 - hyper.beta) * cohort.mean(local)",
        (limits.check_server_step, equals_the_plain_loop),
    ),
    Mutant(
        "the mean is not weighted",
        "fedavg",
        "State(cohort.mean(rows))",
        "State(rows.mean(0, keepdim=True))",
        (equals_the_plain_loop,),
    ),
)

GRADIENTS = (
    Mutant(
        "KL is averaged over classes too",
        "pfml",
        "cross_entropy + hyper.mutual_weight * term",
        "cross_entropy + (hyper.mutual_weight / 10) * term",
        (equals_the_plain_loop,),
    ),
    Mutant(
        "the gradient of w's KL flows into its peer m",
        "pfml",
        "G_m, G_w = at_m.grad(loss, at_w.probs), ",
        "G_m, G_w = at_m.grad(loss, at_w.probs) + at_m.grad(lambda z, own: "
        "((z.log_softmax(-1) - at_w.probs.log()) * z.softmax(-1)).sum(-1).mul(own.mask).sum(1)"
        " / own.mask.sum(1)), ",
        (equals_the_plain_loop,),
    ),
    Mutant(
        "the meta-step starts from the adapted weights",
        "perfedavg",
        "batch.step(w, w - hyper.beta * step)",
        "batch.step(w, adapted - hyper.beta * step)",
        (limits.check_meta_gradient, equals_the_plain_loop),
    ),
    Mutant(
        "the meta-gradient is taken at w",
        "perfedavg",
        "cohort.grad(adapted, next(batches))",
        "cohort.grad(w, next(batches))",
        (limits.check_meta_gradient, equals_the_plain_loop),
    ),
    Mutant(
        "a local epoch is one batch",
        "fedavg",
        "for batch in cohort.batches(hyper.E):",
        "for batch in cohort.batches(1):",
        (check_gradient_evaluations, equals_the_plain_loop),
    ),
    Mutant(
        "a second call trains once more",
        "fedavg",
        "    return State(cohort.mean(rows))\n",
        "    for batch in cohort.batches(hyper.E):\n"
        "        rows = rows - hyper.eta * cohort.grad(rows, batch)\n"
        "    return State(cohort.mean(rows))\n",
        (check_gradient_evaluations, equals_the_plain_loop),
    ),
    Mutant(
        "the K steps are one",
        "pfedme",
        "for _ in range(hyper.K):",
        "for _ in range(1):",
        (check_gradient_evaluations, equals_the_plain_loop),
    ),
)

CONTRACT = (
    Mutant(
        "clients share their gradients",
        "local",
        "cohort.grad(m, batch)",
        "cohort.grad(m, batch).mean(0, keepdim=True).expand_as(m)",
        (check_one_client_at_a_time, equals_the_plain_loop),
    ),
    Mutant(
        "clients are told apart by their place",
        "local",
        "cohort.grad(m, batch)",
        "(1 + (cohort.grad(m, batch).cumsum(0) * 0 + 1).cumsum(0)) * cohort.grad(m, batch)",
        (check_permuting_clients_permutes_rows, check_one_client_at_a_time),
    ),
    Mutant(
        "padding counts as samples",
        "fedavg",
        "cohort.grad(rows, batch)",
        "cohort.grad(rows, type(batch)(batch.inputs, batch.y, batch.mask * 0 + 1))",
        (check_padding_changes_nothing, equals_the_plain_loop),
    ),
    Mutant(
        "models of absent clients are reset",
        "local",
        "cohort.write(state.m, m)",
        "cohort.write(0 * state.m, m)",
        (check_absent_clients_are_untouched,),
    ),
    Mutant(
        "a state is changed in place",
        "local",
        "m = batch.step(m, m - hyper.eta * v)",
        "m -= hyper.eta * v",
        (check_inputs_are_not_changed,),
    ),
    Mutant(
        "something is kept outside the state",
        "local",
        "    m, v = cohort.read(state.m), None\n",
        "    globals()['called'] = globals().get('called', 0) + 1\n"
        "    m, v = cohort.read(state.m) * called, None\n",
        (check_state_round_trips, check_two_runs_are_bit_identical),
    ),
    Mutant(
        "a method draws from the global generator",
        "fedavg",
        "State(cohort.mean(rows))",
        "State(cohort.mean(rows) + 1e-9 * __import__('torch').randn(()))",
        (check_two_runs_are_bit_identical, check_state_round_trips),
    ),
    Mutant("no year is given", "pfedme", "2020", "once", (check_docstring_cites_a_paper,)),
    Mutant(
        "settings can be changed",
        "local",
        "@dataclass(frozen=True, kw_only=True)",
        "@dataclass(kw_only=True)",
        (check_settings_are_frozen_with_defaults,),
    ),
    Mutant(
        "a step size may be negative",
        "local",
        "eta: Positive = 0.01",
        "eta: float = 0.01",
        (check_wrong_settings_are_refused,),
    ),
)

METHOD_MUTANTS = SCORED_MODEL + INNER_PROBLEM + SERVER + GRADIENTS + CONTRACT
