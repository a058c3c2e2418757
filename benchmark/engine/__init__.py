"""How a round is computed; every file here is part of a run's identity. Writes to no disk."""
