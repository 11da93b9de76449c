"""The engine's Adam as an optimiser of PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

from rcspike import _core

# What PyTorch's Adam can be told, as the engine has it.
_CONSTANTS = {
    "betas": (0.9, 0.999),
    "eps": 1e-8,
    "amsgrad": False,
    "maximize": False,
    "decoupled_weight_decay": True,
}


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015) by the engine, with the weight decay of AdamW (Loshchilov and Hutter 2019).

    It does what ``torch.optim.AdamW`` does, up to rounding, for parameters on the CPU, in less time. The parameters may
    be those of any module, and remain ordinary tensors.

    Parameters
    ----------
    params : iterable
        Parameters or groups of them, as every optimiser of PyTorch takes them: float32 or float64, contiguous, on the
        CPU.
    lr : float
        Learning rate, of all parameters or of a group.
    weight_decay : float
        Before each step a parameter is multiplied by 1 - lr weight_decay.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as said, or a number is negative or not finite.

    Notes
    -----
    ``state_dict`` has the entries of that of PyTorch's AdamW; each loads the other's. The moments decay with beta1 =
    0.9 and beta2 = 0.999, and epsilon is 1e-8: a group or a state with other ones is an error. Schedules of PyTorch
    that change beta1 with the learning rate need ``cycle_momentum=False``.

    Examples
    --------
    >>> import torch
    >>> w = torch.nn.Parameter(torch.tensor([1.0, -1.0]))
    >>> optimiser = Adam([w], lr=0.25)
    >>> (0.5 * w[0]).backward()
    >>> optimiser.step()
    >>> w.data
    tensor([ 0.7500, -1.0000])
    """

    def __init__(self, params: ParamsT, lr: float = 1e-3, *, weight_decay: float = 0.0) -> None:
        super().__init__(params, {**_CONSTANTS, "lr": lr, "weight_decay": weight_decay})

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with a learning rate and a weight decay of their own, or with those of the constructor."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            _check_group(group)
        except (TypeError, ValueError):
            self.param_groups.pop()
            raise

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state of another one, or of PyTorch's Adam with the same constants."""
        for group in state_dict["param_groups"]:
            _check_constants(group)
        super().load_state_dict(state_dict)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to 0."""
        if not set_to_none:
            super().zero_grad(set_to_none=False)
            return
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of all parameters with a gradient; returns the loss of `closure`, if that is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        threads = torch.get_num_threads()
        for group in self.param_groups:
            _check_group(group)
        for group in self.param_groups:
            rates: dict[str, Any] = {"learning_rate": float(group["lr"]), "weight_decay": float(group["weight_decay"])}
            for p in group["params"]:
                if p.grad is not None:
                    _core.adam_step(**self._arrays(p, p.grad), **rates, threads=threads)
                    torch.autograd.graph.increment_version(p)
        return loss

    def _arrays(self, p: torch.Tensor, grad: torch.Tensor) -> dict[str, Any]:
        """What the engine needs to update a parameter, whose state counts one step more."""
        if grad.is_sparse:
            raise TypeError("a gradient is sparse; use torch.optim.SparseAdam")
        state = self.state[p]
        if not state:
            state["step"] = torch.tensor(0.0)
            state["exp_avg"] = torch.zeros_like(p, memory_format=torch.contiguous_format)
            state["exp_avg_sq"] = torch.zeros_like(p, memory_format=torch.contiguous_format)
        state["step"] += 1
        return {
            "gradient": grad.contiguous().numpy(),
            "step": int(state["step"]),
            "values": p.detach().numpy(),
            "first_moments": state["exp_avg"].numpy(),
            "second_moments": state["exp_avg_sq"].numpy(),
        }


def _check_group(group: dict[str, Any]) -> None:
    _check_numbers(group)
    _check_constants(group)
    for p in group["params"]:
        if p.dtype not in (torch.float32, torch.float64) or p.device.type != "cpu":
            raise TypeError(f"a parameter is {p.dtype} on {p.device}; it must be float32 or float64 on the CPU")
        if not p.is_contiguous():
            raise ValueError(f"a parameter of shape {tuple(p.shape)} is not contiguous; use .contiguous()")


def _check_numbers(group: dict[str, Any]) -> None:
    for name in ("lr", "weight_decay"):
        if not 0 <= group[name] < math.inf:
            raise ValueError(f"{name} must be finite and not negative, got {group[name]}")


def _check_constants(group: dict[str, Any]) -> None:
    for name, own in _CONSTANTS.items():
        if name == "decoupled_weight_decay" and not group["weight_decay"]:
            continue
        given = group.get(name, own)
        if (tuple(given) if name == "betas" else given) != own:
            hint = "; with a schedule of the learning rate, use cycle_momentum=False" if name == "betas" else ""
            raise ValueError(f"{name} must be {own}, as the engine's Adam has it, got {given}{hint}")
