"""``rcspike train``: train one network, with all results in one folder."""

from __future__ import annotations

import shlex
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NoReturn

import numpy as np
import typer
from rich.console import Console

from rcspike import plots
from rcspike.chips import DeviceModel, TrainingEffects, training_effects
from rcspike.chips import load as load_devices
from rcspike.circuit import PARAMETERS, Circuit
from rcspike.cli import process_options, shared_options, training_options
from rcspike.cli.class_results import CLASS_CAPTIONS, CLASS_FILES, write_classes
from rcspike.cli.command_class import command
from rcspike.cli.console import console, percent
from rcspike.cli.epoch_lines import Reporter
from rcspike.cli.model_samples import Samples, load_new, load_samples
from rcspike.cli.option_files import Config, from_files
from rcspike.cli.output_folder import results_folder
from rcspike.cli.result_record import (
    INPUTS,
    MODEL,
    TRAINED,
    Record,
    command_words,
    load_network,
    model_settings,
)
from rcspike.cli.resume_checks import CHECKPOINT, check_folder, check_options
from rcspike.cli.shared_options import given, learning, training_settings
from rcspike.cli.train_summary import JITTER, Learned, learned, summary, warnings
from rcspike.cli.user_errors import fail, user_errors
from rcspike.datasets import Dataset, Inputs, TrainedSamples, data_name
from rcspike.experiments.default_settings import initial_intensity, kind_of_data, preset
from rcspike.experiments.hidden_layers import Hidden, check_hidden, hidden_text, whole_network
from rcspike.experiments.process_networks import in_process, training_devices
from rcspike.network import Network, model_files
from rcspike.neurons import DEFAULT, check_taken, neuron_kind, unless_default
from rcspike.training import History, Progress, Settings, TensorBoard, checkpoint, confusion_matrix, train

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_FILES = (
    MODEL,
    INPUTS,
    TRAINED,
    "history.csv",
    "learning.svg",
    "learning.png",
    "margins.svg",
    "margins.png",
    *CLASS_FILES,
)
_CAPTIONS = CLASS_CAPTIONS | {
    "learning.svg": (
        "Learning",
        "Above: error and loss after each epoch. Below: one test sample in the trained network, from its spikes to "
        "those of the outputs; each membrane charges, and then a ramp takes it to the threshold.",
    ),
    "margins.svg": (
        "Result",
        "How far apart the two earliest outputs spike, for each test sample: a jitter of spikes changes an answer if "
        "it bridges this gap.",
    ),
    "history.csv": (
        "Learning",
        "Each epoch. A silent neuron ends its charging phase at or below rest, and a saturated one above the "
        "threshold: its spike time is fixed, so that it does not learn from this sample.",
    ),
}


@command(app, "train", example="rcspike train mnist --v-syn 1.0 --epochs 20 --out runs/mnist")
def train_command(
    ctx: typer.Context,
    *,
    dataset: Annotated[str, shared_options.dataset_argument("Data set to train on")] = "digits",
    v_syn: Annotated[
        float, typer.Option(help="Voltage of both synapse rails in V_th; inf is the conventional circuit.")
    ] = 1.0,
    circuit_options: Annotated[Any, training_options.CIRCUIT],
    phases: shared_options.Phases = DEFAULT,
    hidden: Annotated[
        str | None,
        learning("hidden", "Sizes of the hidden layers; 200/4 passes the first spike of each 4 neurons on."),
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(
            help="Hidden layers of a convolutional network, as conv16-pool-conv32k5s2-128, in place of --hidden.",
            show_default=False,
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            help="Model file, or folder of a run, whose circuit, layers and weights the training starts from.",
            show_default="random weights",
        ),
    ] = None,
    steps: Annotated[Any, training_options.STEPS],
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.", min=0)] = 0,
    noise: shared_options.Noise = None,
    nonideal_file: Annotated[Path | None, shared_options.nonideal_option("Devices and effects to train for")] = None,
    process: Annotated[
        str | None,
        typer.Option(
            help="Process whose devices the weights are kept to: weights that are too small are left out at the start, "
            "and none leaves the range of the devices; their mismatch is drawn for every batch, unless bodies or "
            "junctions load the membranes.",
            metavar="NAME",
            show_default="ideal devices",
        ),
    ] = None,
    constant: process_options.Constants = None,
    loss: Annotated[Any, training_options.LOSS],
    threads: shared_options.Threads = None,
    allow_seen: shared_options.AllowSeen = False,
    data: shared_options.Data = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for all results.",
            show_default="runs/<dataset>-<circuit>-s<seed>",
            callback=from_files,
            is_eager=True,
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Resume the run in the folder --out, with its options; more --epochs extend it.",
            callback=from_files,
            is_eager=True,
        ),
    ] = False,
    config: Config = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write each epoch for TensorBoard, into a folder of the run.")
    ] = False,
) -> None:
    """Train a network on a data set.

    Leaves model, history, settings, figures and a checkpoint in one folder.

    Ctrl-C stops it and keeps all finished epochs; --resume continues from there, to the same weights bit for bit.
    """
    screen = console()
    # An option of the same name as a setting is that setting.
    options = {field.name: ctx.params[field.name] for field in fields(Settings) if field.name in ctx.params}
    try:
        with user_errors():
            plots.check_available()
            if Path(dataset, CHECKPOINT).exists():
                raise ValueError(
                    f"{dataset} is the folder of a run, not a data set: resume it with --resume --out {dataset}"
                )
            if constant and process is None:
                raise ValueError("--constant is of a process: add --process, such as --process sky130-poly")
            chosen = None if process is None else process_options.chosen_process(process, constant or [])
            began = None if start is None else _beginning(ctx, start)
            kind_of_neurons = phases if began is None else began.phases
            if not resume:  # whose record says what differs
                typed = given(**options | {"ramp": circuit_options.ramp or None})
                check_taken(kind_of_neurons, typed, spell=lambda name: f"--{name.replace('_', '-')}")
            kind_of_data(dataset)  # raises an error before a folder is made
            circuit = Circuit(v_syn=v_syn, **given(**vars(circuit_options)))
            if began is not None:
                circuit = began.circuit
            layers: Hidden | None = None if hidden is None else shared_options.hidden_layers(hidden)
            if architecture is not None:
                if hidden is not None:
                    raise ValueError("--architecture already has the hidden layers: leave out --hidden")
                layers = check_hidden(architecture)
            kind = "".join(f"-{name}" for name in unless_default(kind_of_neurons).values())
            name = f"{circuit.label}{kind}" if start is None else f"from-{start.stem}"
            folder = out or Path("runs", f"{data_name(dataset)}-{name}-s{seed}")
        with results_folder(folder):
            with user_errors():
                check_folder(folder, resume=resume)
                if start is None:
                    samples = load_new(dataset, data)
                else:
                    samples = load_samples(start, dataset, data=data, allow_seen=allow_seen)
                images = samples.data
                usual = preset(
                    dataset, phases=kind_of_neurons, train=images.train, batch_size=options.get("batch_size")
                )
                settings = {**usual, **given(**options)}
                usual_layers: Hidden = settings.pop("hidden")
                layers = usual_layers if layers is None else layers
                taken = {**settings, "hidden": hidden or hidden_text(layers).replace("-", ",")}
                if began is not None or architecture is not None:
                    taken.pop("hidden")
                if began is not None:
                    _check_fits(began, images, start)
                    sizes, wiring = list(began.sizes), None
                else:
                    sizes, wiring = whole_network(layers, images)
                if nonideal_file is not None:
                    found = _nonideal(nonideal_file, len(sizes) - 1, screen)
                    settings = {**found.arguments(), **settings}
                    if began is not None and found.circuit(circuit) != circuit:
                        raise ValueError(
                            f"{nonideal_file} has a delay or charge of the switches, but the circuit is that of "
                            f"{start}: leave these effects out"
                        )
                    circuit = found.circuit(circuit)
                    taken |= {"noise": settings["noise"]}
                if resume:
                    check_options(ctx, folder, taken, screen)
                intensity = initial_intensity(dataset, images.train.times)
                network = began or Network.create(
                    sizes, circuit, seed=seed, wiring=wiring, phases=phases, intensity=intensity
                )
                wanted = network
                if chosen is not None:
                    network = in_process(network, chosen)
                    settings["devices"] = training_devices(chosen, network, settings.get("devices"))
            typed = given(**options | {"seed": None}, hidden=hidden)
            if nonideal_file is not None:
                typed |= {name: settings[name] for name in ("noise", "offset") if settings[name]}
            elsewhere = () if began is None and architecture is None else ("hidden",)
            run = _Run(ctx, folder, network, samples, settings, taken, threads)
            with user_errors():
                n_steps = run.training.epochs * run.training.n_batches(len(images.train.labels))
            if note := neuron_kind(kind_of_neurons).preset_note(dataset):
                screen.print(note)
            where = f"circuit {circuit.label}, seed {seed}: results in {folder}"
            screen.print(f"{images.name}, {network.architecture}, {where}")
            if chosen is not None:
                screen.print(f"synapses: {chosen.device}, process {chosen.name}")
                screen.print(_left_out(network, wanted))
                if network.circuit.loads_membranes and chosen.devices_per_synapse == 2:
                    screen.print("not trained for: mismatch of the devices")
            screen.print(f"{shared_options.in_force(dataset, usual, typed, without=elsewhere)}; {n_steps:,} steps")
            _train(run, screen)
    except KeyboardInterrupt:
        typer.echo("stopped before training", err=True)
        raise typer.Exit(130) from None


def _beginning(ctx: typer.Context, start: Path) -> Network:
    """The network of --start, if no option describes another circuit or other layers."""
    names = ("v_syn", *PARAMETERS, "phases", "hidden", "architecture")
    defaults = {param.name: param.default for param in ctx.command.params if param.name in names}
    for name, default in defaults.items():
        if ctx.params[name] != default:
            raise ValueError(f"--start {start} already has a circuit and layers: leave out --{name.replace('_', '-')}")
    return load_network(start)


def _check_fits(network: Network, images: Dataset, start: Path | None) -> None:
    ends, wanted = (network.sizes[0], network.sizes[-1]), (images.train.times.shape[1], images.n_classes)
    if ends != wanted:
        raise ValueError(
            f"{start} has {ends[0]} inputs and {ends[1]} outputs, but {images.name} has {wanted[0]} inputs and "
            f"{wanted[1]} classes: start from a model that was trained on data of this kind"
        )


def _nonideal(file: Path, n_layers: int, screen: Console) -> TrainingEffects:
    effects, devices = load_devices(file)
    found = training_effects(effects, devices, n_layers=n_layers)
    if found.left_out:
        screen.print(f"not trained for: {', '.join(found.left_out)}")
    return found


def _left_out(network: Network, before: Network) -> str:
    """How many weights of each layer the devices of a process cannot have."""
    kept = ((np.count_nonzero(one.weights) for one in of.layers) for of in (network, before))
    shares = [
        f"{percent(1 - n / max(int(was), 1))} of layer {i}" for i, (n, was) in enumerate(zip(*kept, strict=True), 1)
    ]
    return f"left out at the start, as nearer to 0 than to the smallest weight of a device: {', '.join(shares)}"


@dataclass(frozen=True)
class _Run:
    """The inputs of a run, and the paths of its files."""

    ctx: typer.Context
    folder: Path
    network: Network
    samples: Samples
    settings: dict[str, Any]
    options: dict[str, Any]
    threads: int | None

    @property
    def dataset(self) -> Dataset:
        return self.samples.data

    @cached_property
    def trained_samples(self) -> TrainedSamples:
        """Also those of the run that it starts from."""
        start = self.samples.run
        trained = TrainedSamples.of(self.dataset.train.times, None if start is None else start.trained)
        is_known = start is not None or self.ctx.params["start"] is None
        return trained if is_known else replace(trained, earlier=None)

    @cached_property
    def n_duplicates(self) -> int:
        """Test samples that are equal to a training sample."""
        return len(self.trained_samples.among(self.dataset.test.times)) - len(self.samples.seen)

    @cached_property
    def training(self) -> Settings:
        return Settings(**self.settings)

    @property
    def model(self) -> Path:
        return self.folder / MODEL

    @property
    def checkpoint(self) -> Path:
        return self.folder / CHECKPOINT

    @property
    def noise(self) -> float:
        """Of the accuracies."""
        return float(self.settings.get("noise", 0.0))

    @property
    def record(self) -> Record:
        settings = training_settings(self.settings)
        settings = {name: _plain(value) for name, value in settings.items()}
        return Record.of(self.ctx, self.folder / "run.json", settings, without=["resume"], options=self.options)

    @property
    def start(self) -> dict[str, Any]:
        """Digest of the model that it starts from."""
        start = self.ctx.params["start"]
        return {} if start is None else {"start_sha256": model_settings(start, self.network)["model_sha256"]}

    @property
    def facts(self) -> dict[str, Any]:
        """What the record has in addition to settings and results."""
        return {
            **self.samples.settings,
            **self.start,
            "classes": self.dataset.class_names,
            "sizes": self.network.sizes,
            "architecture": self.network.architecture,
            "circuit": model_files.circuit_to_header(self.network.circuit),
        }


def _extensions(run: _Run) -> dict[str, Any]:
    """After which epochs the run was extended to more."""
    extended = checkpoint.load(run.checkpoint).extended if run.checkpoint.exists() else ()
    return {"extended_after_epochs": extended} if extended else {}


def _train(run: _Run, screen: Console) -> None:
    reporter = Reporter(screen)
    epochs, is_recorded = run.settings["epochs"], False

    def report(progress: Progress) -> None:
        nonlocal is_recorded
        if not is_recorded and len(progress.history):  # so that a run that is killed can be resumed by its folder
            files = [run.folder / name for name in _FILES]
            run.record.write(files, _CAPTIONS, **run.facts, epochs_finished=len(progress.history))
            is_recorded = True
        reporter(progress)

    try:
        with user_errors(), reporter, _board(run) as board:
            try:
                history = train(
                    run.network,
                    run.dataset,
                    checkpoint_path=run.checkpoint,
                    extend=run.ctx.params["resume"],
                    threads=run.threads,
                    progress=report,
                    after_epoch=board,
                    **run.settings,
                )
            except FloatingPointError as error:  # training diverged, and the message says what to do
                fail(error)
            reporter.show(history, epochs)
        found = _write(run, history)
        conditions, speed = _conditions(run), _speed(run, history)
        for line in summary(
            history, run.dataset, found, conditions=conditions, n_duplicates=run.n_duplicates, speed=speed
        ):
            screen.print(line)
        screen.print(f"files          {run.folder}: {', '.join([*_FILES, 'run.json', CHECKPOINT])}")
        for line in _warnings(run, found):
            screen.print(f"warning        {line}")
    except KeyboardInterrupt:
        _stop(run, reporter, epochs)


def _board(run: _Run) -> AbstractContextManager[TensorBoard | None]:
    return TensorBoard(run.folder / "tensorboard") if run.ctx.params["tensorboard"] else nullcontext()


def _stop(run: _Run, reporter: Reporter, epochs: int) -> NoReturn:
    """Write the results of the finished epochs, as stored in the checkpoint."""
    n_finished = 0
    if run.checkpoint.exists():
        with user_errors():
            saved = checkpoint.load(run.checkpoint)
        n_finished = len(saved.history)
        if reporter.started:
            run.network.parameters = saved.kept
            reporter.show(saved.history, epochs)
            _write(run, saved.history)
    words = [*command_words(run.ctx, without=["resume"]), *(["--resume"] if n_finished else [])]
    again = "resume with" if n_finished else "no epoch is finished, start again with"
    typer.echo(f"stopped after epoch {n_finished} of {epochs}; {again}: {shlex.join(words)}", err=True)
    raise typer.Exit(130)


def _warnings(run: _Run, found: Learned) -> list[str]:
    circuit = run.network.circuit
    return warnings(found, run.training, min(circuit.e_plus, -circuit.e_minus))


def _write(run: _Run, history: History) -> Learned:
    """All files of the finished epochs; the record comes last, and names the others."""
    record = run.record
    found = learned(run.network, history, run.dataset, settings=run.training, threads=run.threads)
    with user_errors():
        run.network.save(run.model)
        Inputs.of(run.dataset).save(run.folder / INPUTS)
        run.trained_samples.save(run.folder / TRAINED)
        history.write_csv(run.folder / "history.csv")
    try:
        # Outside: an error in drawing is a bug in rcspike, not a mistake of the user.
        names: dict[str, Any] = {"classes": run.dataset.class_names, "inputs": plots.input_names(run.dataset)}
        figure = plots.training_figure(run.network, history, run.dataset.test, noise=run.noise, **names)
        with user_errors():
            plots.save_figure(figure, run.folder / "learning", description=record.description)
        matrix = confusion_matrix(run.network, run.dataset.test, noise=run.noise, threads=run.threads)
        accuracy, noise = (
            matrix.trace() / len(run.dataset.test.labels),
            f", spike-time noise of {run.noise:g} T" if run.noise else "",
        )
        after = f"after epoch {history.kept.epoch}{noise}{run.samples.mark}"
        heading = f"{run.dataset.name}: test accuracy {percent(accuracy)} {after}"
        write_classes(run.folder, matrix, run.dataset.class_names, heading, record)
        figure = plots.margins_figure(
            found.margins, found.correct, circuit=run.network.circuit, jitter=JITTER, heading=heading
        )
        with user_errors():
            plots.save_figure(figure, run.folder / "margins", description=record.description)
    finally:
        with user_errors():
            record.write(
                [run.folder / name for name in _FILES],
                _CAPTIONS,
                **run.facts,
                **_extensions(run),
                epochs_finished=len(history),
                kept_epoch=history.kept.epoch,
                test_accuracy=history.test_accuracy,
                learned=found.record | {"warnings": _warnings(run, found)},
                test_accuracy_conditions=_conditions(run),
                samples_per_second=_speed(run, history),
            )
    return found


def _plain(value: Any) -> Any:
    """As JSON takes it."""
    return value.parameters() if isinstance(value, DeviceModel) else value


def _conditions(run: _Run) -> str:
    """How test and validation accuracies are measured: with the spike-time noise, without devices and offsets."""
    under = f"with spike-time noise of {run.noise:g} T" if run.noise else "without noise"
    devices = run.settings.get("devices") or DeviceModel()
    injected = [
        name
        for name, there in (("devices", devices != DeviceModel()), ("offsets", run.settings.get("offset", 0.0) > 0))
        if there
    ]
    without = f", without the {' and '.join(injected)} that were trained for" if injected else ""
    return f"{under}{without}{run.samples.mark}"


def _speed(run: _Run, history: History) -> float:
    """Training samples a second, with the evaluation after each epoch in the time."""
    return (
        len(history) * run.training.n_trained(len(run.dataset.train.labels)) / sum(epoch.seconds for epoch in history)
    )
