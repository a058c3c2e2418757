"""Checks of what losses and networks must compute, on the module that holds them."""

import math
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

import benchmark.engine.models
from benchmark.algorithm import Batch, Loss
from benchmark.errors import BenchmarkError
from tests.algorithms.federations import MODULES, N, federation, initial, module


def random_case(seed: int, S: int = 3, size: int = 4, C: int = 5, scale: float = 3.0) -> Any:
    """Logits, a batch with padding, and a peer's probabilities."""
    rng = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(S, size, C, generator=rng, dtype=torch.float64)
    y = torch.randint(0, C, (S, size), generator=rng)
    mask = torch.ones(S, size, dtype=torch.float64)
    mask[0, 1:] = mask[1, -1] = 0
    peer = (scale * torch.randn(S, size, C, generator=rng, dtype=torch.float64)).softmax(-1)
    return logits, Batch(torch.empty(S, size, 0), y, mask), peer


def check_kl_is_textbook(losses: ModuleType) -> None:
    """Two classes by hand: peer (3/4, 1/4), model (1/2, 1/2)."""
    logits = torch.zeros(1, 1, 2, dtype=torch.float64)
    peer = torch.tensor([[[0.75, 0.25]]], dtype=torch.float64)
    y = torch.zeros(1, 1, dtype=torch.int64)
    kl = losses.kl_divergence
    value = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert abs(value - 0.13081203594113697) < 1e-15
    assert abs(kl.of_samples(logits, y, peer).item() - value) < 1e-15
    slope = kl.slope(losses.softmax(logits), y, peer)
    torch.testing.assert_close(slope[0, 0].tolist(), [-0.25, 0.25])


def check_kl_slope_is_p_minus_q(losses: ModuleType) -> None:
    """At the logits: the model's probabilities less the peer's; zero where they agree."""
    logits, batch, peer = random_case(0)
    probs = logits.softmax(-1)
    torch.testing.assert_close(losses.kl_divergence.slope(probs, batch.y, peer), probs - peer)
    assert not losses.kl_divergence.slope(probs, batch.y, probs).any()
    same = losses.kl_divergence.of_samples(logits, batch.y, probs)
    torch.testing.assert_close(same, torch.zeros_like(same), rtol=0, atol=1e-14)


def check_cross_entropy_is_textbook(losses: ModuleType) -> None:
    """−log of the label's probability, in nats: log 2 for an undecided model of two classes."""
    logits = torch.zeros(1, 2, 2, dtype=torch.float64)
    batch = Batch(logits, torch.tensor([[0, 1]]), torch.ones(1, 2, dtype=torch.float64))
    assert abs(losses.cross_entropy(logits, batch).item() - math.log(2)) < 1e-15


def check_slope(loss: Loss, seed: int) -> None:
    """The closed form is autograd's, sample by sample."""
    logits, batch, peer = random_case(seed)
    leaf = logits.requires_grad_()
    (autograd,) = torch.autograd.grad(loss.of_samples(leaf, batch.y, peer).sum(), leaf)
    closed = loss.slope(logits.detach().softmax(-1), batch.y, peer)
    torch.testing.assert_close(closed, autograd, rtol=0, atol=1e-12)


def check_slopes(losses: ModuleType) -> None:
    """Each loss, weighted, and their sums."""
    ce, kl, dis = losses.cross_entropy, losses.kl_divergence, losses.disagreement
    for seed, loss in enumerate((ce, kl, dis, 0.3 * kl, ce + kl, ce + 0.7 * dis, 2 * (ce + kl))):
        check_slope(loss, seed)


def check_disagreement_is_misread_kl(losses: ModuleType) -> None:
    """PyTorch's KL given probabilities where log-probabilities belong: its value up to a
    constant of the peer's, and its gradient p ⊙ (⟨p, q⟩ − q)."""
    logits, batch, peer = random_case(1)
    leaf = logits.requires_grad_()
    misread = torch.nn.functional.kl_div(leaf.softmax(-1), peer, reduction="none").sum(-1)
    (slope,) = torch.autograd.grad(misread.sum(), leaf)
    probs = logits.detach().softmax(-1)
    ours = losses.disagreement.of_samples(logits.detach(), batch.y, peer)
    entropy = (peer * peer.log()).sum(-1)
    torch.testing.assert_close(ours, misread.detach() - entropy)
    formula = probs * ((probs * peer).sum(-1, keepdim=True) - peer)
    torch.testing.assert_close(losses.disagreement.slope(probs, batch.y, peer), formula)
    torch.testing.assert_close(formula, slope)


def check_padding_is_left_out_of_the_mean(losses: ModuleType) -> None:
    """A client's loss is the mean over its own samples, without padding."""
    logits, batch, peer = random_case(2)
    for loss in (losses.cross_entropy, losses.kl_divergence, losses.disagreement):
        for i, kept in enumerate(batch.mask == 1):
            alone = loss.of_samples(
                logits[i][kept][None], batch.y[i][kept][None], peer[i][kept][None]
            )
            torch.testing.assert_close(loss(logits, batch, peer)[i], alone.mean())


def check_peer_is_a_constant(networks: ModuleType = benchmark.engine.models) -> None:
    """No gradient flows back through the outputs that a forward pass hands to a peer."""
    for model in MODULES:
        of = federation(model)
        object.__setattr__(of, "network", networks.Network(module(model)))
        (batch,) = of.cohort(0).batches(1)
        rows = initial(of).repeat(N, 1).requires_grad_()
        forward = of.cohort(0).forward(rows, batch)
        assert not forward.logits.requires_grad, model
        assert not forward.probs.requires_grad, model


def check_gradients_are_autograds(networks: ModuleType = benchmark.engine.models) -> None:
    """Logits and gradients of stacked rows are those of a module called once per row."""
    rng = torch.Generator().manual_seed(0)
    for model in MODULES:
        network = networks.Network(module(model))
        rows = torch.randn(3, network.parameters, generator=rng, dtype=torch.float64)
        x = torch.randn(3, 6, 1, 4, 4, generator=rng, dtype=torch.float64)
        logits, backward = network.linearise(rows, x)
        slopes = [torch.randn(logits.shape, generator=rng, dtype=torch.float64) for _ in range(2)]
        for slope in slopes:
            for i, ours in enumerate(backward(slope)):
                out, grad = plain_backward(network.module, rows[i], x[i], slope[i])
                torch.testing.assert_close(logits[i], out, rtol=0, atol=1e-12)
                torch.testing.assert_close(ours, grad, rtol=0, atol=1e-12)


def check_batch_norm_is_refused(networks: ModuleType = benchmark.engine.models) -> None:
    """Buffers, which no mean would cover, are refused, and the error names the remedy."""
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten())
    complaint = ""
    try:
        networks.Network(module)
    except BenchmarkError as error:
        complaint = str(error)
    assert "running_mean" in complaint
    assert "torch.nn.GroupNorm" in complaint


def plain_backward(of: nn.Module, row: Tensor, x: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """The module's output at a row, and the row's gradient given that at the output."""
    nn.utils.vector_to_parameters(row, of.parameters())
    out = of(x)
    grads = torch.autograd.grad(out, list(of.parameters()), slope)
    return out.detach(), nn.utils.parameters_to_vector(grads)


LOSSES = (
    check_cross_entropy_is_textbook,
    check_kl_is_textbook,
    check_kl_slope_is_p_minus_q,
    check_slopes,
    check_disagreement_is_misread_kl,
    check_padding_is_left_out_of_the_mean,
)
