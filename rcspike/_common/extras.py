"""Packages that only a part of rcspike needs: pip installs them with an extra."""

from __future__ import annotations

__all__ = ["is_missing_extra", "missing_extra"]


def missing_extra(what: str, extra: str) -> ModuleNotFoundError:
    """The error for a package that is not installed, with the way to install it.

    Examples
    --------
    >>> print(missing_extra("figures need matplotlib", "cli"))
    figures need matplotlib: pip install 'rcspike[cli]' adds what is missing
    """
    text = f"{what}: pip install 'rcspike[{extra}]' adds what is missing"
    return ModuleNotFoundError(text, name=f"rcspike[{extra}]")


def is_missing_extra(error: ImportError) -> bool:
    """Whether the error is one of these, and no fault in a program.

    Examples
    --------
    >>> is_missing_extra(missing_extra("figures need matplotlib", "cli")), is_missing_extra(ImportError("numpy"))
    (True, False)
    """
    return (error.name or "").startswith("rcspike[")
