"""How Sphinx builds these pages: offline, with formulas as MathML, which browsers draw without a script."""

from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

import rcspike

project = "rcspike"
author = copyright = "The rcspike developers"
version = release = rcspike.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"rcspike {release}"
html_math_renderer = "mathml"
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["narrow.css"]

# The interactive page, if it has been built (docs/playground.md); without it the front page has the picture alone.
exclude_patterns = ["playground/*"]
_built = Path(__file__).parents[1] / "build" / "playground"
if (_built / "circuit.html").is_file():
    tags.add("playground")  # noqa: F821  (Sphinx gives it to this file)
    html_extra_path = [str(_built)]

# The docstrings have shapes and units, which annotations cannot express.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_mock_imports = ["torch"]  # it is not needed for these pages
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False

# Names in single backticks are links. Most of those without a target are parameters.
default_role = "py:obj"
nitpicky = True
nitpick_ignore_regex = [("py:obj", r"[a-z_0-9]+|torch\..*"), ("py:class", r"numpy\..*")]


def _inline(writer: HTML5Translator, node: nodes.math) -> None:
    writer.body.append(tex2mathml(node.astext()))
    raise nodes.SkipNode


def _display(writer: HTML5Translator, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>\n')
    raise nodes.SkipNode


def _link_to_picture(_: Sphinx, page: nodes.document) -> None:
    """Give pictures a width, so that Sphinx links each to its file: on a phone it can be enlarged there."""
    for picture in page.findall(nodes.image):
        picture.setdefault("width", "100%")


def setup(app: Sphinx) -> None:
    """Make html_math_renderer = "mathml" known, and pictures links."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    app.connect("doctree-read", _link_to_picture)
