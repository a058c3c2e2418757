"""Random streams, one for each purpose, derived from the seed and never from the method.

So all methods of a cell see the same cohorts and the same batches, and comparisons between
them are paired. Each round has new streams, so there is no generator state to save. (The initial
model is the module as built after ``torch.manual_seed(seed)``; see training.py.)
"""

import hashlib

import numpy as np


def stream(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """The generator for a purpose and a seed, and for further numbers such as round or client."""
    tag = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4], "little")
    entropy = np.random.SeedSequence([seed, tag, len(counters), *counters])
    return np.random.Generator(np.random.Philox(entropy))
