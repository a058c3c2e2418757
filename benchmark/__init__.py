"""What an experiment is and how it runs: specifications, the stacked engine, the store."""
