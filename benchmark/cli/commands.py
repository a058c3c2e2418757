"""The command line: python -m benchmark list | run | status | verify | report | compare | …"""

from collections.abc import Callable

import typer

from benchmark.cli.check import check
from benchmark.cli.create import new
from benchmark.cli.exits import Commands, one_line_errors
from benchmark.cli.export import export
from benchmark.cli.figure import figure
from benchmark.cli.listing import list_
from benchmark.cli.models import models
from benchmark.cli.options import with_options
from benchmark.cli.packing import pack, unpack
from benchmark.cli.partition import export as export_partition
from benchmark.cli.partition import show as show_partition
from benchmark.cli.report import compare, report
from benchmark.cli.run import reproduce, run
from benchmark.cli.show import show
from benchmark.cli.stored import status, verify
from benchmark.cli.tune import tune

COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_,
    "tune": tune,
    "run": run,
    "reproduce": reproduce,
    "status": status,
    "verify": verify,
    "check": check,
    "report": report,
    "compare": compare,
    "show": show,
    "models": models,
    "new": new,
    "pack": pack,
    "unpack": unpack,
    "figure": figure,
    "export": export,
}
PARTITION: dict[str, Callable[..., None]] = {"show": show_partition, "export": export_partition}

app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
partition_app = typer.Typer(
    no_args_is_help=True, help="Show or export which client holds which samples."
)
app.add_typer(partition_app, name="partition")
for group, commands in ((app, COMMANDS), (partition_app, PARTITION)):
    for name, command in commands.items():
        group.command(name)(one_line_errors(with_options(command)))
