"""The rules of the contract in words, and which of them a method breaks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmark.contract import protocol, rows, settings
from benchmark.engine.methods import Method
from benchmark.errors import BenchmarkError, one_line


@dataclass(frozen=True)
class Rule:
    """A rule, the check that holds it, and where to look when it fails."""

    check: Callable[[Method], None]
    """Raises AssertionError, or BenchmarkError where the method itself fails."""
    causes: str
    """Usual causes of a failure."""

    @property
    def name(self) -> str:
        """The rule's name in a few words."""
        return self.check.__name__.removeprefix("check_").replace("_", " ")

    @property
    def text(self) -> str:
        """The rule itself: the check's docstring on one line."""
        return " ".join((self.check.__doc__ or "").split())


RULES = (
    Rule(settings.check_settings_are_frozen_with_defaults, "Hyper needs frozen=True and defaults"),
    Rule(settings.check_wrong_settings_are_refused, "a field of Hyper has no range (Positive, …)"),
    Rule(rows.check_docstring_cites_a_paper, "the file's docstring names no venue or no year"),
    Rule(
        rows.check_one_client_at_a_time,
        "a mean, a sum or a norm over dim 0 (use dim=1, keepdim=True), a loss that is not one "
        "number for each client, or numbers drawn for all clients together",
    ),
    Rule(
        rows.check_permuting_clients_permutes_rows,
        "rows are told apart by their place: an index, an arange, a roll",
    ),
    Rule(
        rows.check_padding_changes_nothing,
        "a loss of your own that leaves out batch.mask, or divides by the batch's size",
    ),
    Rule(
        rows.check_absent_clients_are_untouched,
        "a whole table is computed where cohort.write(table, rows) belongs",
    ),
    Rule(rows.check_inputs_are_not_changed, "an operation in place: +=, add_, copy_, x[…] = …"),
    Rule(
        rows.check_state_round_trips,
        "something is kept outside the State: a global, an attribute, a cache",
    ),
    Rule(
        rows.check_two_runs_are_bit_identical,
        "random numbers of torch or numpy; ask the cohort for them (draws, start)",
    ),
    Rule(protocol.check_gradient_evaluations, "the number of gradients depends on the round"),
    Rule(
        protocol.check_no_test_sample_is_read,
        "data come from elsewhere than cohort.batches and cohort.counts",
    ),
    Rule(protocol.check_every_client_is_scored, "personal_models has other rows than R · N"),
)


@dataclass(frozen=True)
class Finding:
    """Whether a method keeps a rule."""

    rule: Rule
    """The rule that was tested."""
    fault: str
    """The fault in one line. Empty: the rule is kept."""

    @property
    def sentence(self) -> str:
        """The fault, the rule and the likely causes, for someone who has not read the check."""
        found = f" ({self.fault})" if self.fault else ""
        return (
            f"{self.rule.name}: broken{found}. {self.rule.text} Likely causes: {self.rule.causes}."
        )


def findings(method: Method) -> Iterator[Finding]:
    """Every rule of the contract, tried on a method."""
    for rule in RULES:
        try:
            rule.check(method)
        except AssertionError as error:
            yield Finding(rule, one_line(error))
        except BenchmarkError as error:
            yield Finding(rule, one_line(error))
        else:
            yield Finding(rule, "")
