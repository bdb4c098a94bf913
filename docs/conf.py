"""Sphinx configuration."""

import os
import re
from pathlib import Path

from docutils import nodes
from latex2mathml.converter import convert

from altiflow import __version__

project = "altiflow"
author = "The altiflow developers"
copyright = "2026, the altiflow developers"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_design"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
# Equations are MathML, which browsers show themselves, without a network.
html_math_renderer = "mathml"
myst_update_mathjax = False
# Where the tests have just run the tutorials and left them here, they are not run once more.
executed = os.environ.get("ALTIFLOW_EXECUTED", "")
nb_execution_mode = "off" if executed else "force"
# Where a backend is set, notebooks show no figures of their own.
os.environ.pop("MPLBACKEND", None)
nb_execution_timeout = 300
nb_execution_raise_on_error = True
exclude_patterns = ["_build", "jupyter_execute", "performance-missed.md"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["altiflow.css"]
html_title = f"altiflow {release}"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
suppress_warnings = ["myst.xref_missing"]


def copy_tutorials(app):
    """Bring the tutorials into the documentation's tree, which Sphinx does not look beyond."""
    source, target = Path(app.srcdir).parent / "tutorials", Path(app.srcdir) / "tutorials"
    for path in target.glob("0*"):
        path.unlink()
    for path in source.glob("*.md"):
        done = Path(executed) / f"{path.stem}.ipynb" if executed else path
        text = done.read_text(encoding="utf-8")
        # Tutorials that were run are notebooks, and link to one another as such.
        text = re.sub(r"\((0\d_\w+)\.md\)", r"(\1.ipynb)", text) if executed else text
        (target / done.name).write_text(text, encoding="utf-8")


def list_missed(app):
    """Write the goals that the benchmarks missed, as their results tell them, for the page on performance."""
    docs = Path(app.srcdir)
    rows = ["| results | goal | needed and found |", "|---|---|---|"]
    for path in sorted((docs.parent / "benchmarks" / "results").glob("*.md")):
        for line in path.read_text(encoding="utf-8").splitlines():
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if cells[-1] == "**missed**":
                rows.append(f"| {path.stem} | {cells[1]} | {', '.join(cells[2:-1])} |")
            elif cells[-1] == "no" and len(cells) == 3:
                rows.append(f"| {path.stem} | {cells[0]} | {cells[1]} |")
    (docs / "performance-missed.md").write_text("\n".join(rows) + "\n", encoding="utf-8")


def show_inline_math(writer, node):
    """Write an equation in a line as MathML."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def show_block_math(writer, node):
    """Write an equation of its own as MathML, in a box that scrolls."""
    writer.body.append(f'<div class="math-wrapper">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def mark_short_code(app, doctree, name):
    """Mark code in a sentence or table that is short and of one word, so that it is not broken at its hyphens."""
    for code in doctree.findall(nodes.literal):
        if len(code.astext()) < 30 and " " not in code.astext():
            code["classes"].append("short")


def spare_schemes(app, what, name, thing, options, lines):
    """Keep https:// and its like, where they name a kind of address, from becoming links to nowhere."""
    lines[:] = [re.sub(r"(?<![`\w])((?:https?|file|s3)://)(?=[\s,;.)]|$)", r"``\1``", line) for line in lines]


def setup(app):
    app.add_html_math_renderer("mathml", (show_inline_math, None), (show_block_math, None))
    app.connect("autodoc-process-docstring", spare_schemes)
    app.connect("doctree-resolved", mark_short_code)
    app.connect("builder-inited", copy_tutorials)
    app.connect("builder-inited", list_missed)
