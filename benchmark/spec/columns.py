"""The names of the scores' columns in a run's tables."""

SCORES = ("global", "personal")
"""The models that are scored: the global one, and each client's personalised one."""


def column(scores: str, metric: str) -> str:
    """The column of a metric of ``scores``, one of SCORES.

    metric: accuracy, loss, train_loss or, with validation, validation_accuracy, validation_loss.
    """
    return f"{scores}_{metric}"
