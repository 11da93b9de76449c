"""Options of ``rcspike train`` that are settings of the training: a type for each, with its help."""

from __future__ import annotations

from typing import Annotated

from rcspike.cli.shared_options import learning

__all__ = [
    "BatchSize",
    "EnergyPenalty",
    "Epochs",
    "LearningRate",
    "MaxShift",
    "MaxSlope",
    "Mirror",
    "SilentPenalty",
    "TSilent",
    "Temperature",
    "TemporalPenalty",
    "Validation",
    "WarmUp",
    "WeightDecay",
]

Epochs = Annotated[int | None, learning("epochs", "Number of epochs.")]
BatchSize = Annotated[int | None, learning("batch_size", "Number of samples in a step.")]
LearningRate = Annotated[float | None, learning("learning_rate", "Learning rate at the start of its schedule.")]
WarmUp = Annotated[
    float | None, learning("warm_up", "Number of epochs in which the learning rate rises from step to step.")
]
TemporalPenalty = Annotated[float | None, learning("temporal_penalty", "Weight of the penalty on output spike times.")]
EnergyPenalty = Annotated[float | None, learning("energy_penalty", "Weight of a sample's synapse energy in C V_th^2.")]
WeightDecay = Annotated[
    float | None,
    learning("weight_decay", "Fraction of each weight subtracted per step, divided by the learning rate."),
]
Temperature = Annotated[float | None, learning("temperature", "Temperature of the softmax over spike times, in T.")]
SilentPenalty = Annotated[
    float | None, learning("silent_penalty", "Single phase: reward per V_th / T for drive to silent neurons.")
]
TSilent = Annotated[float | None, learning("t_silent", "Single phase: time that a silent output counts as, in T.")]
MaxSlope = Annotated[float | None, learning("max_slope", "Single phase: bound of the slope dt/dv, in T / V_th.")]
Validation = Annotated[
    float | None, learning("validation", "Fraction of the training samples held out for validation.")
]
MaxShift = Annotated[
    int | None, learning("max_shift", "Largest shift of a training image, in pixels, drawn for every epoch.")
]
Mirror = Annotated[
    float | None, learning("mirror", "Probability that a training image is mirrored, drawn for every epoch.")
]
