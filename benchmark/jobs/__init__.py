"""Make runs: plans, processes, data, the machine, tuning, verification."""
