"""The report on speed: what ``tests.speed`` measured on a CPU and on a GPU."""
