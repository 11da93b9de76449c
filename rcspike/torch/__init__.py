"""RC-Spike layers, networks and the loss inside PyTorch, computed by the engine on the CPU.

Times are in units of the window T, voltages in V_th, weights ``(n_rows, n_columns)`` in V_th / T. Tensors are float32
or float64. Gradients are exact; second derivatives raise an error. The number of threads is that of PyTorch.
"""

from importlib.util import find_spec as _find_spec

from rcspike._common.extras import missing_extra as _missing_extra

if _find_spec("torch") is None:
    raise _missing_extra("rcspike.torch needs PyTorch 2.4 or newer", "torch")

from rcspike.torch.adam import Adam
from rcspike.torch.functions import charge, encode, fire, first_spike, output_loss
from rcspike.torch.loss_module import OutputLoss
from rcspike.torch.modules import Conv2d, Fire, Linear, Network, SinglePhase
from rcspike.torch.openmp_threads import share_threads as _share_threads
from rcspike.torch.pure_torch import without_engine

__all__ = [
    "Adam",
    "Conv2d",
    "Fire",
    "Linear",
    "Network",
    "OutputLoss",
    "SinglePhase",
    "charge",
    "encode",
    "fire",
    "first_spike",
    "output_loss",
    "without_engine",
]

_share_threads()


def __dir__() -> list[str]:
    return __all__
