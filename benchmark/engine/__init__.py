"""Compute rounds and scores; every file here is part of a run's identity. Writes to no disk."""
