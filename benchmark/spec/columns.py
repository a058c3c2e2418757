"""The names of the scores' columns in a run's tables."""

SCORES = ("global", "personal")
"""What is scored: the global model, or each client's own."""


def column(scores: str, metric: str) -> str:
    """The column that holds a metric (accuracy, loss, train_loss) of ``scores``."""
    return f"{scores}_{metric}"
