"""Real data, if present; all other tests here run without them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from datasets import Arrays, load
from datasets.images import IMAGE_SETS

FOLDERS = {"cifar10": "cifar-10-batches-py", "cifar100": "cifar-100-python"}


@pytest.fixture(scope="module")
def real() -> Callable[[str], Arrays]:
    """Loads an image set from PFL_DATA_ROOT, or skips the test with the reason why not."""
    root = os.environ.get("PFL_DATA_ROOT")

    def fetch(name: str) -> Arrays:
        if not root:
            pytest.skip("PFL_DATA_ROOT is not set")
        if not (Path(root) / FOLDERS.get(name, IMAGE_SETS[name].kind)).is_dir():
            pytest.skip(f"PFL_DATA_ROOT has no {name}")
        return load(name)

    return fetch
