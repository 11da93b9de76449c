"""The loss as a module."""

from __future__ import annotations

from torch import Tensor, nn

from rcspike.circuit import Circuit
from rcspike.functional.loss import Loss
from rcspike.torch.engine_cache import parameters_of
from rcspike.torch.functions import loss_parameters, mean_loss_with


class OutputLoss(nn.Module):
    """The loss that `rcspike.train` minimises, over the voltages of the last layer; the mean over the batch.

    Arguments and errors as in `rcspike.functional.output_loss`.

    Examples
    --------
    >>> import torch
    >>> OutputLoss(Circuit(), temperature=0.1)(torch.tensor([[0.5, 0.5]]), torch.tensor([0]))
    tensor(0.6931, dtype=torch.float64)
    """

    def __init__(
        self,
        circuit: Circuit,
        *,
        temperature: float = Loss.temperature,
        temporal_penalty: float = Loss.temporal_penalty,
        t_ref: float = Loss.t_ref,
    ) -> None:
        super().__init__()
        self.circuit = circuit
        self.loss = Loss(temperature=temperature, temporal_penalty=temporal_penalty, t_ref=t_ref)
        self._numbers, self._loss = parameters_of(circuit.of_layer(0)), loss_parameters(self.loss)

    def forward(self, v: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of voltages (batch, n_out) in V_th and labels (batch,) as int64."""
        return mean_loss_with(v, labels, self._numbers, self._loss)

    def extra_repr(self) -> str:
        """What PyTorch prints between the brackets."""
        own = self.loss
        return f"temperature={own.temperature}, temporal_penalty={own.temporal_penalty}, t_ref={own.t_ref}"
