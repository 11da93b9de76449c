"""``rcspike trace``: one image through the same weights in several circuits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from rcspike import plots
from rcspike._common.numbers import read_float, read_int
from rcspike.circuit import Circuit
from rcspike.cli import shared_options
from rcspike.cli.command_class import command
from rcspike.cli.model_samples import load_samples
from rcspike.cli.output_folder import results_folder
from rcspike.cli.result_record import Record, load_network, model_settings
from rcspike.cli.user_errors import user_errors
from rcspike.network import Conv2d

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_MEMBRANES = (
    "How it computes",
    "The membranes of one sample, with the same weights in the conventional circuit and in RC-Spike.",
)
_MAPS = (
    "How it computes",
    "When each neuron of the convolutions spikes for one sample: an image for each map, blank without a spike.",
)


@command(app, "trace", example="rcspike trace runs/mnist mnist --image 8 --v-syn inf,4,1")
def trace_command(
    ctx: typer.Context,
    model: shared_options.Model,
    dataset: shared_options.TestData,
    image: shared_options.Image = 0,
    neurons: Annotated[
        str | None,
        typer.Option(help="Indices of the hidden neurons to draw.", show_default="6 spread over the firing order"),
    ] = None,
    position: Annotated[
        str | None,
        typer.Option(
            help="Convolutions: pixel Y,X of the image at whose place in the maps membranes are drawn.",
            show_default=False,
        ),
    ] = None,
    v_syn: Annotated[
        str | None,
        typer.Option(
            help="Rails in V_th, such as inf,4,1: one column for each, at most 3.",
            show_default="inf and the model's own",
        ),
    ] = None,
    allow_seen: shared_options.AllowSeen = False,
    data: shared_options.Data = None,
    out: Annotated[
        Path | None,
        typer.Option(help="File to write, with or without suffix, or its folder.", show_default="next to the model"),
    ] = None,
) -> None:
    """Draw the membrane voltages of one sample in the conventional circuit and in RC-Spike, with the same weights.

    Writes an SVG and a PNG file, and a JSON file that records how they were made. Of a network of convolutions there is
    a second figure, whose name ends in -maps: the spike times of each map as a small image, in the model's own circuit.
    """
    with user_errors():
        plots.check_available()
        rails = None if v_syn is None else shared_options.numbers("--v-syn", v_syn, read_float, "inf,1")
        chosen = None if neurons is None else shared_options.numbers("--neurons", neurons, read_int, "3,17")
        place = None if position is None else _position(position)
        stem = _stem(out or (model if model.is_dir() else model.parent))
        network = load_network(model)
        circuits = None if rails is None else [_with_rails(network.circuit, rail) for rail in rails]
        samples = load_samples(model, dataset, data=data, allow_seen=allow_seen)
        loaded, split = samples.data, samples.data.test
    with results_folder(stem.parent), user_errors():
        shown: dict[str, Any] = {"sample": image, "position": place, "classes": loaded.class_names}
        own: dict[str, Any] = {"circuits": circuits, "neurons": chosen, "inputs": plots.input_names(loaded)}
        figures = {stem.name: plots.trace_figure(network, split, **own, **shown)}
        if any(isinstance(layer.wiring, Conv2d) for layer in network.layers):
            figures[f"{stem.name}-maps"] = plots.maps_figure(network, split, **shown)
        settings: dict[str, Any] = {**samples.settings, **model_settings(model, network)}
        settings |= {"image": image, "neurons": chosen or "6 of each hidden layer, spread over the firing order"}
        settings |= {} if place is None else {"position": place}
        settings |= {"v_syn": rails or "inf and the model's own"}
        record = Record.of(ctx, stem.with_name(f"{stem.name}.json"), settings)
        record.say_replaced(*(stem.with_name(f"{name}.{suffix}") for name in figures for suffix in ("svg", "png")))
        files: list[Path] = []
        for name, figure in figures.items():
            files += plots.save_figure(figure, stem.with_name(name), description=record.description)
        captions = {f"{name}.svg": _MEMBRANES if name == stem.name else _MAPS for name in figures}
        record.write(files, captions)
    kind = "test row" if split.is_table else "test image"
    name = loaded.class_names[split.labels[image]]
    typer.echo(f"{kind} {image} of {dataset}, class {name}{samples.mark}: {', '.join(map(str, files))}")


def _position(text: str) -> tuple[int, int]:
    place = shared_options.numbers("--position", text, read_int, "14,10")
    if len(place) != 2:
        raise ValueError(f"--position takes a pixel as Y,X, such as 14,10, got {text!r}")
    return place[0], place[1]


def _with_rails(circuit: Circuit, v_syn: float) -> Circuit:
    v_0 = circuit.v_0 if math.isfinite(v_syn) else math.inf  # a current that does not depend on v is that of any law
    return Circuit(v_syn=v_syn, diode_drop=circuit.diode_drop, ramp=circuit.ramp, v_0=v_0)


def _stem(out: Path) -> Path:
    """Where the figure goes, without the suffix."""
    if out.is_dir():
        return out / "trace"
    return out.with_suffix("") if out.suffix in (".svg", ".png") else out
