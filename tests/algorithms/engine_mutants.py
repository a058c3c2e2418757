"""Defects of the engine under the methods: clients, batches, means, losses, scores."""

from collections.abc import Callable
from types import ModuleType
from unittest.mock import patch

import benchmark.engine.training
from benchmark.contract.protocol import (
    check_every_client_is_scored,
    check_methods_are_paired,
    check_no_test_sample_is_read,
)
from benchmark.contract.rows import check_two_runs_are_bit_identical
from benchmark.engine.methods import load_method
from tests.algorithms import batch_checks as batches
from tests.algorithms import deferred_checks as deferred
from tests.algorithms import loss_checks as losses
from tests.algorithms import replay_checks as replays
from tests.algorithms.mutants import Mutant


def runs_are_bit_identical(engine: ModuleType) -> None:
    check_two_runs_are_bit_identical(load_method("fedavg"), engine=engine)


def methods_are_paired(engine: ModuleType) -> None:
    check_methods_are_paired(load_method("fedavg"), load_method("local"), engine)


def no_test_sample_is_read(engine: ModuleType) -> None:
    check_no_test_sample_is_read(load_method("perfedavg"), engine)


def every_client_is_scored(engine: ModuleType) -> None:
    check_every_client_is_scored(load_method("local"), engine)


def every_client_is_recorded(engine: ModuleType) -> None:
    with patch.object(benchmark.engine.training, "Recorder", engine.Recorder):
        every_client_is_scored(benchmark.engine.training)


def in_file(
    file: str, *defects: tuple[str, str, str, Callable[[ModuleType], None]]
) -> list[Mutant]:
    return [Mutant(defect, file, old, new, (check,)) for defect, old, new, check in defects]


ENGINE_MUTANTS = [
    *in_file(
        "cohort",
        (
            "clients are sampled without a seed",
            'rng = stream(seed, "client sampling", round_)',
            "rng = np.random.default_rng()",
            runs_are_bit_identical,
        ),
        (
            "the same clients are sampled in every round",
            'stream(seed, "client sampling", round_)',
            'stream(seed, "client sampling")',
            batches.check_sampling,
        ),
        (
            "the same clients are sampled for every seed",
            'stream(seed, "client sampling", round_)',
            'stream(0, "client sampling", round_)',
            batches.check_sampling,
        ),
        (
            "the mean is not weighted by samples",
            "raw = raw * sizes[training]",
            "pass",
            batches.check_mean_weights,
        ),
        (
            "those who do not send count in the mean",
            "np.isin(*pair) for pair",
            "np.isin(pair[0], pair[0]) for pair",
            batches.check_mean_weights,
        ),
        (
            "a replayed round has the recorded one's clients",
            "self._index.copy_(other._index)",
            "pass",
            replays.check_cohorts_are_renewed,
        ),
        (
            "a replayed round has the recorded one's senders",
            "self._weights.copy_(other._weights)",
            "pass",
            replays.check_cohorts_are_renewed,
        ),
        (
            "a replayed round has the recorded one's batches",
            "place.copy_(values)",
            "pass",
            replays.check_cohorts_are_renewed,
        ),
    ),
    *in_file(
        "training",
        (
            "personalisation reads test samples",
            "group.personal(round_) for",
            "method.personal_models(group.state, Federation(group.federation.network, "
            "problem.test, group.federation.seeds, group.federation.sampling).everyone(round_), "
            "group.hyper) for",
            no_test_sample_is_read,
        ),
        (
            "test samples are merged into the training sets",
            "partition.train, length, device",
            "[np.concatenate(p) for p in zip(partition.train, partition.test)], length, device",
            no_test_sample_is_read,
        ),
        (
            "the initial model depends on the method",
            "arrays.classes, seeds, train.x)",
            "arrays.classes, [s + len(cell.algorithm) for s in seeds], train.x)",
            methods_are_paired,
        ),
        (
            "clients and batches depend on the method",
            "tuple(seeds), sampling",
            "tuple(seed + len(cell.algorithm) for seed in seeds), sampling",
            methods_are_paired,
        ),
        (
            "every client is scored on its training samples",
            "test = Blocks.of(x, y, partition.test,",
            "test = Blocks.of(x, y, partition.train,",
            every_client_is_scored,
        ),
    ),
    *in_file(
        "cuda_graphs",
        (
            "a replayed round starts from the recorded one's state",
            "place.copy_(value)",
            "pass",
            replays.check_states_are_renewed,
        ),
        (
            "a round's results are overwritten by the next one's",
            "return _copied(self.result)",
            "return self.result",
            replays.check_states_are_left_alone,
        ),
    ),
    *in_file(
        "recorder",
        (
            "only some clients are tested",
            "s.loss.sum(1)",
            "s.loss[:, : self._federation.sampling.active_clients].sum(1)",
            every_client_is_recorded,
        ),
    ),
    *in_file(
        "losses",
        (
            "KL is averaged over classes",
            'peer, reduction="none").sum(-1)',
            'peer, reduction="none").mean(-1)',
            losses.check_kl_is_textbook,
        ),
        (
            "the slope of KL is averaged over classes",
            "return probs - peer",
            "return (probs - peer) / probs.shape[-1]",
            losses.check_kl_slope_is_p_minus_q,
        ),
        (
            "KL is given probabilities where log-probabilities belong",
            "F.kl_div(log_softmax(logits)",
            "F.kl_div(softmax(logits)",
            losses.check_slopes,
        ),
        (
            "KL runs from the model to the peer",
            "F.kl_div(log_softmax(logits), peer,",
            "F.kl_div(peer.log(), softmax(logits),",
            losses.check_kl_is_textbook,
        ),
        (
            "disagreement pulls the other way",
            "return -(softmax(logits) * peer).sum(-1)",
            "return (softmax(logits) * peer).sum(-1)",
            losses.check_disagreement_is_misread_kl,
        ),
        (
            "padding counts in a loss",
            "losses.sum(1) / batch.mask.sum(1)",
            "losses.mean(1)",
            losses.check_padding_is_left_out_of_the_mean,
        ),
    ),
    *in_file(
        "deferred",
        (
            "a step on an older batch is taken for one on the newest",
            "t if isinstance(t, Deferred) and t.waits_for(newest.x) else dense_rows(t)",
            "t",
            deferred.check_sums,
        ),
        (
            "the same base counts once",
            "bases[id(base)] = before + factor * weight, base",
            "bases[id(base)] = factor * weight, base",
            deferred.check_sums,
        ),
        (
            "what follows the first layer's weights keeps no factor",
            "rests.append((factor, own.rest))",
            "rests.append((1.0, own.rest))",
            deferred.check_sums,
        ),
        (
            "subtraction adds",
            "sign = 1.0 if func is _aten.add.Tensor else -1.0",
            "sign = 1.0",
            deferred.check_sums,
        ),
        (
            "the steps since the plain rows are left out of the output",
            "place.addmm_(slope, squares)",
            "pass",
            deferred.check_outputs_of_models_on_the_way,
        ),
        (
            "outputs of a model of the batch before are taken for this one's",
            "rows.waits_for(self) and ",
            "",
            deferred.check_a_model_of_another_batch,
        ),
    ),
    *in_file(
        "models",
        (
            "a gradient can flow into the peer",
            "logits.detach() for logits",
            "logits for logits",
            losses.check_peer_is_a_constant,
        ),
        (
            "a rectified unit passes every gradient",
            "torch.ops.aten.threshold_backward(at_hidden, hidden[layer - 1], 0)",
            "at_hidden",
            losses.check_gradients_are_autograds,
        ),
        (
            "batch norm's buffers are left out of the mean",
            "        if buffers:\n",
            "        if False:\n",
            losses.check_batch_norm_is_refused,
        ),
    ),
]
