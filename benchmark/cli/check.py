"""The command ``check``: test methods against the rules that every method keeps."""

from typing import Annotated

import typer

from benchmark.cli.output import console


def check(
    methods: Annotated[
        list[str], typer.Argument(help="Names of methods, or paths of your own Python files.")
    ],
) -> None:
    """Test on small made-up data whether methods keep the contract's rules; exit code 1 if not."""
    from benchmark.contract.rules import RULES, findings
    from benchmark.engine.methods import load_method

    kept = True
    for name in methods:
        broken = [each for each in findings(load_method(name)) if each.fault]
        for each in broken:
            console.print(f"{name}: {each.sentence}")
        console.print(f"{name}: {len(RULES) - len(broken)} of {len(RULES)} rules kept")
        kept &= not broken
    if not kept:
        raise typer.Exit(1)
