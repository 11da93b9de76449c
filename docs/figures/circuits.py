"""Draws the two circuits of the front page into docs/figures/circuits.svg; needs schemdraw (the extra docs).

python docs/figures/circuits.py
"""

from __future__ import annotations

from pathlib import Path

import schemdraw
import schemdraw.elements as elm

INK, CONVENTIONAL, RC_SPIKE, REMOVED = "#2b2b2b", "#6a6a6a", "#2c5f8f", "#d55e00"
UPPER, LOWER, NODE = 6.2, 3.9, 1.2  # heights of the two synapses that are drawn, and of the neuron
LINE = 1.4  # width of lines; of op-amps, which RC-Spike does without, it is larger


def heading(drawing: schemdraw.Drawing, x: float, text: str, below: str, colour: str) -> None:
    drawing += elm.Label().at((x, 9.0)).label(text, halign="left", fontsize=17, color=colour)
    drawing += elm.Label().at((x, 8.3)).label(below, halign="left", fontsize=12.5)


def note(drawing: schemdraw.Drawing, x: float, y: float, text: str, colour: str = INK) -> None:
    drawing += elm.Label().at((x, y)).label(text, halign="left", fontsize=12.5, color=colour)


def synapse(drawing: schemdraw.Drawing, x: float, y: float, rail: str, spike: str, column: float) -> float:
    """A rail, the switch that an input spike closes, and a resistor; the x where the resistor ends."""
    drawing += elm.Dot(open=True).at((x, y)).label(rail, loc="left", fontsize=14)
    drawing += elm.Switch().at((x, y)).to((x + 1.7, y)).label(spike, loc="top", fontsize=14, ofst=0.35)
    drawing += elm.Resistor().at((x + 1.7, y)).to((column, y))
    return column


def comparator(drawing: schemdraw.Drawing, x: float) -> None:
    """A comparator, whose positive input is at (x, NODE)."""
    amplifier = elm.Opamp(leads=False).at((x, NODE)).anchor("in2")
    drawing += amplifier
    drawing += elm.Line().at(amplifier.absanchors["in1"]).left().length(0.5).label("Vₜₕ", loc="left", fontsize=14)
    drawing += elm.Line().at(amplifier.absanchors["out"]).right().length(0.6).label("tₒᵤₜ", loc="right", fontsize=14)


def conventional(drawing: schemdraw.Drawing, x: float) -> None:
    """Resistors into an op-amp, which holds the column at a virtual ground and integrates the current."""
    column = x + 4.4
    heading(drawing, x - 0.9, "conventional circuit", "an exact sum: the current does not depend on v", CONVENTIONAL)
    for y, rail, spike in ((UPPER, "+V", "t₁"), (LOWER, "−V", "t₂")):
        drawing += elm.Line().at((synapse(drawing, x, y, rail, spike, column), y)).to((column, y))
        drawing += elm.Dot().at((column, y))
    drawing += elm.Line().at((column, UPPER)).to((column, NODE + 1.25))
    amplifier = elm.Opamp(leads=False, color=REMOVED, lw=2.4).at((column + 1.1, NODE + 1.25)).anchor("in1")
    drawing += elm.Line().at((column, NODE + 1.25)).to((column + 1.1, NODE + 1.25))
    drawing += amplifier
    drawing += elm.Line().at(amplifier.absanchors["in2"]).left().length(0.5)
    drawing += elm.Ground()
    out = amplifier.absanchors["out"]
    drawing += elm.Dot().at((column + 0.55, NODE + 1.25))
    top = NODE + 2.5
    drawing += elm.Line().at((column + 0.55, NODE + 1.25)).to((column + 0.55, top))
    drawing += elm.Capacitor().at((column + 0.55, top)).to((out.x + 0.3, top)).label("C", loc="top", fontsize=14)
    drawing += elm.Line().at((out.x + 0.3, top)).to((out.x + 0.3, out.y))
    drawing += elm.Line().at(out).to((out.x + 0.3, out.y))
    drawing += elm.Dot().at((out.x + 0.3, out.y)).label("v", loc="bottom", fontsize=14)
    corner = out.x + 0.9
    drawing += elm.Line().at((out.x + 0.3, out.y)).to((corner, out.y))
    drawing += elm.Line().at((corner, out.y)).to((corner, NODE))
    drawing += elm.Line().at((corner, NODE)).to((out.x + 2.5, NODE))
    comparator(drawing, out.x + 2.5)
    note(drawing, x - 0.9, NODE - 1.5, "an op-amp for each column holds it at 0 V", REMOVED)
    note(drawing, x - 0.9, NODE - 2.2, "(or each synapse is a current source)", REMOVED)


def rc_spike(drawing: schemdraw.Drawing, x: float) -> None:
    """Resistors behind diodes onto a capacitor, whose voltage changes the current."""
    column = x + 6.0
    heading(drawing, x - 0.9, "RC-Spike", "the current falls as v comes near the rail", RC_SPIKE)
    for y, rail, spike in ((UPPER, "E₊", "t₁"), (LOWER, "E₋", "t₂")):
        end = synapse(drawing, x, y, rail, spike, x + 4.4)
        ends = ((end, y), (column, y))
        diode = (
            elm.Diode(color=RC_SPIKE).at(ends[0]).to(ends[1])
            if rail == "E₊"
            else elm.Diode(color=RC_SPIKE).at(ends[1]).to(ends[0])
        )
        drawing += diode
        drawing += elm.Dot().at((column, y))
    drawing += elm.Line().at((column, UPPER)).to((column, NODE))
    drawing += elm.Dot().at((column, NODE)).label("v", loc="left", fontsize=14)
    drawing += (
        elm.Capacitor(color=RC_SPIKE)
        .at((column, NODE))
        .to((column, NODE - 2.0))
        .label("C", loc="top", fontsize=14, ofst=0.2)
    )
    drawing += elm.Ground()
    drawing += elm.Line().at((column, NODE)).to((column + 2.5, NODE))
    comparator(drawing, column + 2.5)
    note(drawing, x - 0.9, NODE - 1.5, "the column itself", RC_SPIKE)
    note(drawing, x - 0.9, NODE - 2.2, "has the voltage v", RC_SPIKE)


def main() -> None:
    schemdraw.use("svg")
    schemdraw.svgconfig.text = "text"
    drawing = schemdraw.Drawing(show=False)
    drawing.config(color=INK, lw=LINE, font="sans-serif", bgcolor="white", unit=2, inches_per_unit=0.32, margin=0.7)
    conventional(drawing, 0.0)
    rc_spike(drawing, 16.6)
    path = Path(__file__).with_suffix(".svg")
    path.write_bytes(drawing.get_imagedata("svg"))
    print(path.name)


if __name__ == "__main__":
    main()
