"""The public names of `rcspike.experiments`, which are all imported when the first of them is used."""

from rcspike.experiments.chip_study import (
    Case,
    Sample,
    chip_accuracy,
    chip_seeds,
    run_cases,
    single_effect_cases,
    sweep_cases,
)
from rcspike.experiments.default_settings import own_preset, preset, train_defaults
from rcspike.experiments.design_circuits import Designs, MeasuredDesign, design
from rcspike.experiments.design_specification import Specification
from rcspike.experiments.designed_circuit import Design
from rcspike.experiments.executors import executor, run_jobs
from rcspike.experiments.experiment import (
    MODELS,
    Experiment,
    experiment_circuit,
    experiment_identity,
    experiment_key,
    experiment_name,
    run_experiment,
)
from rcspike.experiments.one_error_rule import Choice, binomial_error, economic_choice
from rcspike.experiments.relu_network import relu_accuracy
from rcspike.experiments.result_tables import Row, parameter_names, run_rows, summary_rows, write_table
from rcspike.experiments.sweep import V_SYN, Run, grid, run_sweep, stored_runs
from rcspike.experiments.sweep_in_volts import Volts

__all__ = [
    "MODELS",
    "V_SYN",
    "Case",
    "Choice",
    "Design",
    "Designs",
    "Experiment",
    "MeasuredDesign",
    "Row",
    "Run",
    "Sample",
    "Specification",
    "Volts",
    "binomial_error",
    "chip_accuracy",
    "chip_seeds",
    "design",
    "economic_choice",
    "executor",
    "experiment_circuit",
    "experiment_identity",
    "experiment_key",
    "experiment_name",
    "grid",
    "own_preset",
    "parameter_names",
    "preset",
    "relu_accuracy",
    "run_cases",
    "run_experiment",
    "run_jobs",
    "run_rows",
    "run_sweep",
    "single_effect_cases",
    "stored_runs",
    "summary_rows",
    "sweep_cases",
    "train_defaults",
    "write_table",
]
