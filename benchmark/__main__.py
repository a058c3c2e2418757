"""The entry point of ``python -m benchmark``."""

from benchmark.cli.commands import app

if __name__ == "__main__":
    app()
