"""Options for the circuit and the training: one value each in `rcspike train`, several in `rcspike sweep`."""

from __future__ import annotations

from dataclasses import field, make_dataclass
from typing import Annotated, Any, get_type_hints

import typer

from rcspike.circuit import PARAMETERS, Circuit, parameter_help
from rcspike.cli.shared_options import learning
from rcspike.training import Settings

__all__ = ["CIRCUIT", "LOSS", "SEVERAL", "STEPS"]

_RAILS = {"e_plus": "v_syn", "e_minus": "-v_syn"}
_CIRCUIT = {
    name: typer.Option(
        help=f"{parameter_help(name)[0].upper()}{parameter_help(name)[1:]}.",
        show_default=_RAILS.get(name, str(getattr(Circuit(), name))),
    )
    for name in PARAMETERS
}
_STEPS = {
    "epochs": "Number of epochs; on data of your own as many as make 4,000 steps or more.",
    "batch_size": "Number of samples in a step.",
    "learning_rate": "Learning rate at the start of its schedule.",
    "warm_up": "Number of epochs in which the learning rate rises from step to step.",
    "patience": "Epochs without a higher validation accuracy (--validation) after which the run stops; it keeps the "
    "weights of the best one.",
}
_LOSS = {
    "temporal_penalty": "Weight of the penalty on output spike times.",
    "energy_penalty": "Weight of a sample's synapse energy in C V_th^2.",
    "weight_decay": "Fraction of each weight subtracted per step, divided by the learning rate.",
    "temperature": "Temperature of the softmax over spike times, in T.",
    "silent_penalty": "Single phase: reward per V_th / T for drive to silent neurons.",
    "t_silent": "Single phase: time that a silent output counts as, in T.",
    "max_slope": "Single phase: bound of the slope dt/dv, in T / V_th.",
    "validation": "Fraction of the training samples held out for validation.",
    "max_shift": "Largest shift of a training image, in pixels, drawn for every epoch.",
    "class_weight": "Weights of the classes in the loss: balanced lets rare ones count as much as common ones.",
    "mirror": "Probability that a training image is mirrored, drawn for every epoch.",
}
# A sweep varies these with --vary.
_ONE_VALUE = ("warm_up", "patience", "silent_penalty", "t_silent", "max_slope", "max_shift", "mirror", "class_weight")


def _group(options: dict[str, Any], kinds: dict[str, Any]) -> type:
    """A group of optional options, as `rcspike.cli.option_groups` takes it, with a type for each."""
    annotated: Any = Annotated
    types = {name: annotated[kinds[name] | None, option] for name, option in options.items()}
    return make_dataclass("Options", [(name, kind, field(default=None)) for name, kind in types.items()])


_kinds = {**dict.fromkeys(_CIRCUIT, float), **get_type_hints(Settings)}
_steps, _loss = ({name: learning(name, text) for name, text in texts.items()} for texts in (_STEPS, _LOSS))
_several = {name: option for name, option in (_steps | _loss | _CIRCUIT).items() if name not in _ONE_VALUE}

CIRCUIT, STEPS, LOSS = _group(_CIRCUIT, _kinds), _group(_steps, _kinds), _group(_loss, _kinds)
SEVERAL = _group(_several, dict.fromkeys(_several, str))
