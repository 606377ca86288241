"""How these pages are made: ``python -m sphinx -W --keep-going -n docs OUTPUT``, without a network.

Sphinx, because it reads our docstrings (autodoc) and takes a reference that leads nowhere for an
error (``-n -W``); with MyST, so that pages are the Markdown that hosts show as well; with furo,
which is readable on a phone and in the dark without a line of our own.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from docs.made import begin
from harness.version import VERSION

project = "Reliability harness"
release = VERSION
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_*", "ci/*"]
html_theme = "furo"
html_title = project
html_static_path: list[str] = []
smartquotes = False  # two dashes are an option, and no dash
html_show_sphinx = False
html_copy_source = False

myst_heading_anchors = 3
myst_enable_extensions = ["deflist", "html_image"]

autodoc_typehints = "description"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

nitpick_ignore_regex = [
    (r"py:.*", r"(?!harness\.).*"),  # Python's own and other packages', whose pages are elsewhere
    (r"py:class", r"harness\.guard\.journal\.Journal"),  # nobody outside the guard handles it
    (r"py:class", r"harness\.retry\.T"),  # a type variable
]

setup = begin
