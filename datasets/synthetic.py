"""Synthetic(alpha, beta): a federation whose clients differ in their models and their inputs."""

import numpy as np

from datasets.arrays import Arrays
from datasets.errors import DataError

FEATURES = 60
CLASSES = 10
MOST = 2**23  # samples: 2 GB
DEVIATION = np.arange(1, FEATURES + 1) ** -0.6  # (60,): the square roots of j^-1.2


def synthetic(alpha: float = 0.5, beta: float = 0.5, clients: int = 100, seed: int = 0) -> Arrays:
    """Synthetic(alpha, beta) of Li et al. (FedProx, MLSys 2020), as pFedMe draws it.

    For client i, with N(mean, standard deviation):

        n_i = 5 (int(lognormal(4, 2)) + 50)
        a_i ~ N(0, alpha), b_i ~ N(0, beta), v_i ~ N(b_i, 1) in 60 dimensions
        W_i ~ N(a_i, 1) of shape (60, 10), c_i ~ N(a_i, 1) of length 10
        x ~ N(v_i, diag(j^-0.6)), j = 1..60, that is, variances j^-1.2
        y = argmax(x W_i + c_i)

    FedProx's text calls alpha and beta variances. Its generator and pFedMe's use them as standard
    deviations, and so does this function. It draws in the order of pFedMe's generator (all n,
    all a, all b, all v, then W, c and x of one client after another) from one legacy NumPy
    stream: the defaults give exactly that generator's 205,795 samples.

    alpha: 0..1e6, the spread of the clients' a_i. It changes no sample: a_i adds the same number
        to the logits of all ten classes. Clients have different W_i even at 0.
    beta: 0..1e6, how far the clients' inputs differ. 0: all v_i are drawn around the origin.
    clients: at least 1. seed: 0..2^32-1, the seed of the legacy stream.

    Returns x (n, 60) float32, y (n,) in 0..9 and client (n,), client by client.
    Raises DataError for a parameter outside its range and for more than MOST samples.
    """
    _check(alpha, beta, clients, seed)
    rng = np.random.RandomState(seed)
    sizes = (rng.lognormal(4, 2, clients).astype(np.int64) + 50) * 5
    if sizes.sum() > MOST:
        raise DataError(
            f"synthetic: clients={clients} have {sizes.sum():,} samples, allowed: {MOST:,}; "
            "lower clients"
        )
    a = rng.normal(0, abs(alpha), clients)  # abs: -0.0 is a 0 that NumPy refuses
    b = rng.normal(0, abs(beta), clients)
    v = rng.normal(b[:, None], 1, (clients, FEATURES))
    x = np.empty((sizes.sum(), FEATURES), np.float32)
    y = np.empty(len(x), np.int64)
    ends = np.cumsum(sizes)
    for i, (start, end) in enumerate(zip(ends - sizes, ends, strict=True)):
        w = rng.normal(a[i], 1, (FEATURES, CLASSES))
        c = rng.normal(a[i], 1, CLASSES)
        # multivariate_normal draws the same numbers, then multiplies by a singular vector basis
        # of the diagonal covariance: the identity, up to signs that depend on the LAPACK in use.
        rows = v[i] + rng.standard_normal((end - start, FEATURES)) * DEVIATION
        x[start:end] = rows
        y[start:end] = np.argmax(rows @ w + c, axis=1)
    client = np.repeat(np.arange(clients, dtype=np.int64), sizes)
    return Arrays("synthetic", x, y, CLASSES, client)


def _check(alpha: float, beta: float, clients: int, seed: int) -> None:
    for name, spread in (("alpha", alpha), ("beta", beta)):
        if isinstance(spread, bool) or not (isinstance(spread, int | float) and 0 <= spread <= 1e6):
            raise DataError(f"synthetic: {name} must be a number in 0..1e6, not {spread!r}")
    for name, number, low, high in (("clients", clients, 1, 10**6), ("seed", seed, 0, 2**32 - 1)):
        if isinstance(number, bool) or not (isinstance(number, int) and low <= number <= high):
            raise DataError(
                f"synthetic: {name} must be a whole number in {low}..{high}, not {number!r}"
            )
