"""Device models made for the tests, in the files and with the expressions of the real ones: simple BSIM4 cards."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DIODE", "write_pdk"]

# Threshold in V and mobility in m2/Vs of each corner; the published models differ in the same way.
CORNERS = {"tt": (0.50, 0.030), "ss": (0.55, 0.027), "ff": (0.45, 0.033), "sf": (0.55, 0.033), "fs": (0.45, 0.027)}
# Both diodes, in A, F, V and degrees, for 1 um2 and 1 um.
DIODE = {"js": 2e-15, "jsw": 1e-15, "cj": 1e-3, "cjsw": 1e-10, "n": 1.3, "rs": 500, "eg": 1.05, "xti": 2, "tref": 30}
# Capacitance of all junctions in a corner, divided by the typical one.
JUNCTIONS = {"tt": 1.0, "ss": 1.1, "ff": 0.9, "sf": 0.9, "fs": 1.1}
# Limits of the bins: L from, L to, W from, W to, in m.
BINS = [
    (1.5e-7, 2.5e-7, 4.2e-7, 1e-4),
    (2.5e-7, 5.0e-7, 4.2e-7, 5.5e-7),
    (2.5e-7, 5.0e-7, 5.5e-7, 1e-4),
    (5.0e-7, 1e-5, 4.2e-7, 1e-4),
]


def write_pdk(root: Path, *, layout: str = "checkout", stress: bool = True) -> Path:
    """Write the models below a folder in the layout of the published repository, or in that of open_pdks."""
    for device, kind, sign in (("nfet_01v8", "nmos", 1), ("pfet_01v8", "pmos", -1)):
        folder = root / {"checkout": f"cells/{device}", "open_pdks": "sky130A/libs.ref/sky130_fd_pr/spice"}[layout]
        folder.mkdir(parents=True, exist_ok=True)
        name = f"sky130_fd_pr__{device}"
        for corner, (threshold, mobility) in CORNERS.items():
            lines = [
                "* made for tests",
                ".param",
                f"+ {name}__u0_diff = 1m",
                "* a comment between",
                f"+ {name}__k = 0.5",
            ]
            lines.append(f'.include "{name}__{corner}.pm3.spice"')
            (folder / f"{name}__{corner}.corner.spice").write_text("\n".join([*lines, ""]))
            lines = [f".param {name}__vth0_slope_spectre = 0.0", f".subckt {name} d g s b"]
            lines += [".param l = 1 w = 1 ad = 0 as = 0 pd = 0 ps = 0 nrd = 0 nrs = 0 mult = 1"]
            instance = " ".join(f"{p}={{{p}}}" for p in ("l", "w", "ad", "as", "pd", "ps", "nrd", "nrs"))
            lines += [f"m{name} d g s b {name}__model {instance}"]
            for i, (lmin, lmax, wmin, wmax) in enumerate(BINS):
                drawn = f"{name}__vth0_slope_spectre*({name}__vth0_slope/sqrt(l*w*mult))"
                lines += [
                    f".model {name}__model.{i} {kind}",
                    "* Model flags",
                    f"+ lmin = {lmin} lmax = {lmax} wmin = {wmin} wmax = {wmax}",
                    "+ level = 54.0",
                    "+ version = 4.5",
                    "+ toxe = 4.1e-9 ndep = 1.7e17 nfactor = 1.5 vsat = 8e4 voff = -0.1",
                    f"+ vth0 = {{{sign * (threshold + 0.01 * i)}+{drawn}}}",
                    f"+ u0 = {{{mobility}+2*{name}__u0_diff*{name}__k}}",
                    "+ cgso = 2e-10 cgdo = 2e-10",
                    *(f"+ cj{x} = {1e-3 * JUNCTIONS[corner]} cjsw{x} = {1e-10 * JUNCTIONS[corner]}" for x in "sd"),
                    f"+ kvth0 = {{{name}__kvth0_diff}}",
                ]
            (folder / f"{name}__{corner}.pm3.spice").write_text("\n".join([*lines, f".ends {name}", ""]))
        diode = {"nfet_01v8": "diode_pw2nd_05v5", "pfet_01v8": "diode_pd2nw_05v5"}[device]
        junction = folder.parent / diode if layout == "checkout" else folder
        junction.mkdir(exist_ok=True)
        lines = [f".model sky130_fd_pr__{diode} d", "+ level = 3.0", "+ tlevc = 1.0", "+ area = 1.0e+12"]
        lines += [f"+ cj = '{DIODE['cj']}*1e-12*{name}__ajunction_mult' $ Units: farad/meter^2", "+ mj = 0.4 pb = 0.7"]
        lines += [f"+ cjsw = '{DIODE['cjsw']}*1e-6*{name}__pjunction_mult'", "+ mjsw = 0.0009", "+ php = 0.2"]
        lines += [f"+ {p} = {DIODE[p]}" for p in ("js", "jsw", "n", "rs", "eg", "xti", "tref")]
        (junction / f"sky130_fd_pr__{diode}.model.spice").write_text("\n".join([*lines, ""]))
        (folder / f"{name}__mismatch.corner.spice").write_text(f".param {name}__vth0_slope=3.4e-03\n")
    corners = root / {"checkout": "models/corners", "open_pdks": "sky130A/libs.tech/ngspice/corners"}[layout]
    for corner, factor in JUNCTIONS.items():
        (corners / corner).mkdir(parents=True)
        names = [f"sky130_fd_pr__{device}_01v8__{kind}junction_mult" for device in ("nfet", "pfet") for kind in "ap"]
        lines = [".param", *(f"+ {one} = {factor}" for one in names), ""]
        (corners / corner / "nonfet.spice").write_text("\n".join(lines))
    if stress:
        models = root / {"checkout": "models/parameters", "open_pdks": "sky130A/libs.tech/ngspice/parameters"}[layout]
        models.mkdir(parents=True, exist_ok=True)
        names = [f"+ sky130_fd_pr__{device}__kvth0_diff = 0.0" for device in ("nfet_01v8", "pfet_01v8")]
        (models / "lod.spice").write_text("\n".join([".param", *names, ""]))
    return root
