"""Validated records of cells, experiments, protocols and partitions; no torch."""

from benchmark.models import MODELS, ModelSpec
from benchmark.models.dnn import Dnn
from benchmark.models.lenet5 import LeNet5
from benchmark.models.mlr import Mlr
from benchmark.spec.adjusted import adjusted, parse_settings
from benchmark.spec.cell import Cell, Data, Scalar, Switch
from benchmark.spec.experiment import (
    Experiment,
    Grid,
    Misprint,
    Profile,
    Protocol,
    Rule,
    Tuning,
    Where,
)
from benchmark.spec.files import experiment_groups, load_experiment, load_protocol, profile_of
from benchmark.spec.grid import cells
from benchmark.spec.tuning import first_trials, tried_for
from datasets.partitions import PartitionSpec
from datasets.records import Count, Record

__all__ = [
    "MODELS",
    "Cell",
    "Count",
    "Data",
    "Dnn",
    "Experiment",
    "Grid",
    "LeNet5",
    "Misprint",
    "Mlr",
    "ModelSpec",
    "PartitionSpec",
    "Profile",
    "Protocol",
    "Record",
    "Rule",
    "Scalar",
    "Switch",
    "Tuning",
    "Where",
    "adjusted",
    "cells",
    "experiment_groups",
    "first_trials",
    "load_experiment",
    "load_protocol",
    "parse_settings",
    "profile_of",
    "tried_for",
]
