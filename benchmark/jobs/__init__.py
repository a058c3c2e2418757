"""Who makes the runs: plans, processes, data, the machine, verification."""
