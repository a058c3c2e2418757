"""Hands over to the command line: python -m benchmark …"""

from benchmark.cli.commands import app

if __name__ == "__main__":
    app()
