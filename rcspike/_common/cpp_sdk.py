"""Where the headers and the library lie, for those who build on them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from rcspike import _core

__all__ = ["ANSWERS", "get_include", "get_library"]

# The folder of the compiled extension. In an editable install it differs from that of the Python files.
_PREFIX = Path(_core.__file__).resolve().parent
_LIBRARY = "rcspike.lib" if os.name == "nt" else "librcspike.a"


def get_include() -> str:
    """Folder of the C++ headers, for ``-I``: they are included as ``"rcspike/network.h"``.

    Examples
    --------
    >>> import os
    >>> os.path.exists(os.path.join(get_include(), "rcspike", "network.h"))
    True
    """
    return str(_PREFIX / "include")


def get_library() -> str:
    """Full path of the static library. It needs the system's threads: link with ``-pthread``.

    Examples
    --------
    >>> import os
    >>> os.path.exists(get_library())
    True
    """
    return str(_PREFIX / "lib" / _LIBRARY)


def _libs() -> str:
    library = shlex.quote(get_library())
    return library if os.name == "nt" else f"{library} -pthread"


# Questions that ``python -m rcspike`` answers without the packages of the command line. Compiler flags are quoted for
# a shell, folders are not.
ANSWERS: dict[str, Callable[[], str]] = {
    "--includes": lambda: shlex.quote(f"-I{get_include()}"),
    "--libs": _libs,
    "--cmakedir": lambda: str(_PREFIX / "lib" / "cmake" / "rcspike"),
    "--pkgconfigdir": lambda: str(_PREFIX / "lib" / "pkgconfig"),
}
