"""Checks of rows whose products are not yet multiplied out; each check takes their module."""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor

S, OUT, IN, B, AFTER = 3, 2, 7, 4, 5
WIDTH = OUT * IN + AFTER


def _random(seed: int, *shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def batch(deferred: ModuleType, seed: int, kept: bool = True) -> tuple[Any, Tensor]:
    """Every client's inputs as views, and as one tensor (S, B, IN)."""
    x = _random(seed, S, B, IN)
    grams = [own @ own.mT for own in x]
    return deferred.Views(list(x), (lambda: grams) if kept else None), x


def gradient(deferred: ModuleType, views: Any, x: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """A gradient, deferred and plain."""
    slope, rest = _random(seed, S, OUT, B), _random(seed + 1, S, AFTER)
    plain = torch.cat([(slope @ x).flatten(1), rest], dim=1)
    return deferred.Deferred.gradient(views, slope, rest), plain


def same(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12)


def check_sums(deferred: ModuleType) -> None:
    """Sums of rows and gradients, of one batch and of two, multiply out to the plain sums."""
    older, x_older = batch(deferred, 10)
    newer, x_newer = batch(deferred, 20)
    rows = _random(1, S, WIDTH)
    g, plain_g = gradient(deferred, newer, x_newer, 30)
    h, plain_h = gradient(deferred, newer, x_newer, 40)
    old, plain_old = gradient(deferred, older, x_older, 50)
    step = rows - 0.5 * g
    wanted = rows - 0.5 * plain_g
    found = deferred.weighted_sum((0.9, step), (-2.0, h), (0.1, rows))
    same(deferred.dense_rows(found), 0.9 * wanted - 2 * plain_h + 0.1 * rows)
    same(deferred.dense_rows(step - found), 0.1 * wanted + 2 * plain_h - 0.1 * rows)
    same(deferred.dense_rows(-(g + old) / 4), -(plain_g + plain_old) / 4)
    same(deferred.dense_rows(old - 3 * (g - old)), 4 * plain_old - 3 * plain_g)
    same(deferred.dense_rows(torch.add(old, h, alpha=-2)), plain_old - 2 * plain_h)


def check_anything_else_multiplies_out(deferred: ModuleType) -> None:
    """Operations other than sums give the results of plain rows, and change no value."""
    views, x = batch(deferred, 10)
    row = _random(2, 1, WIDTH)
    for operation in (
        lambda rows: rows * rows,
        lambda rows: rows + 1.0,
        lambda rows: rows + row,
        lambda rows: 2.0 / rows,
        lambda rows: rows.mean(0),
        lambda rows: torch.stack([rows, rows])[1, 2],
        lambda rows: rows.index_select(0, torch.tensor([2, 0])),
        lambda rows: torch.where(rows > 0, rows, 0.0),
        lambda rows: rows.clone().mul_(3.0),
    ):
        g, plain = gradient(deferred, views, x, 30)
        same(deferred.dense_rows(operation(g)), operation(plain))
    g, plain = gradient(deferred, views, x, 30)
    g.mul_(3.0)
    same(deferred.dense_rows(g - plain), 2 * plain)


def check_outputs_of_models_on_the_way(deferred: ModuleType) -> None:
    """W·X and the parameters after W, some steps from plain rows, are the plain model's."""
    for kept in (True, False):  # without kept Gram matrices it multiplies out: 4 > 2 · 1 output
        views, x = batch(deferred, 10, kept)
        rows, centre = _random(1, S, WIDTH), _random(2, S, WIDTH)
        g, plain_g = gradient(deferred, views, x, 30)
        h, plain_h = gradient(deferred, views, x, 40)
        model = deferred.weighted_sum((0.7, rows - 0.5 * g), (0.2, centre), (-0.1, h))
        plain = 0.7 * (rows - 0.5 * plain_g) + 0.2 * centre - 0.1 * plain_h
        for one, wanted in ((rows, rows), (model, plain), (model, plain), (rows - 0.0 * g, rows)):
            product, rest = views.first_layer(one, OUT)
            same(product, wanted[:, : OUT * IN].unflatten(1, (OUT, IN)) @ x.mT)
            same(rest, wanted[:, OUT * IN :])


def check_a_model_of_another_batch(deferred: ModuleType) -> None:
    """A step on the previous batch is multiplied out before the next one."""
    older, x_older = batch(deferred, 10)
    newer, x_newer = batch(deferred, 20)
    rows = _random(1, S, WIDTH)
    g, plain_g = gradient(deferred, older, x_older, 30)
    h, plain_h = gradient(deferred, newer, x_newer, 40)
    for model, wanted in ((rows - g, rows - plain_g), (rows - g - h, rows - plain_g - plain_h)):
        product, _ = newer.first_layer(model, OUT)
        same(product, wanted[:, : OUT * IN].unflatten(1, (OUT, IN)) @ x_newer.mT)
