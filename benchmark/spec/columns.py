"""The names of the scores' columns in a run's tables."""

SCORES = ("global", "personal")
"""What is scored: the global model, or each client's own."""


def column(scores: str, metric: str) -> str:
    """The column that holds a metric of ``scores``: accuracy, loss, train_loss, and, with data for
    validation, validation_accuracy and validation_loss."""
    return f"{scores}_{metric}"
