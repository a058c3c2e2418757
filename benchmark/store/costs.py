"""The cost of a run beside time: bytes and gradients per client and round."""

from typing import Annotated

from pydantic import Field

from benchmark.spec import Cell, Record

Amount = Annotated[int, Field(ge=0)]


class Costs(Record):
    """The cost of one communication round for one client; see :mod:`benchmark.jobs.costs`."""

    bytes_down: Amount
    """Downloaded in a round in which the client trains."""
    bytes_up: Amount
    """Uploaded in a round in which the client sends."""
    gradients: Amount
    """Mini-batch gradients evaluated in a round in which the client trains."""
    personal_gradients: Amount
    """Mini-batch gradients evaluated after the last round to make a personalised model, as in
    fine-tuning. 0: training itself makes the model."""

    def bytes_of_round(self, cell: Cell) -> int:
        """Bytes that all clients of the cell download and upload in one round."""
        return self.bytes_down * _training(cell) + self.bytes_up * cell.active_clients


def _training(cell: Cell) -> int:
    """Number of clients that train in a round."""
    return cell.partition.clients if cell.participation == "all" else cell.active_clients
