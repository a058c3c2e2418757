"""Data sets and their partitions: sources to arrays, labels to index lists.

Cheap to import: torchvision and scikit-learn are imported when a data set of theirs is loaded.
"""

from datasets.arrays import Arrays
from datasets.errors import DataError
from datasets.own import digest_of, load_own
from datasets.partition import Partition
from datasets.scaling import SCALINGS, Inputs, scale
from datasets.sources import SOURCES, load, require

__all__ = [
    "SCALINGS",
    "SOURCES",
    "Arrays",
    "DataError",
    "Inputs",
    "Partition",
    "digest_of",
    "load",
    "load_own",
    "require",
    "scale",
]
