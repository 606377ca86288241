"""Draw what a guard says: ``python -m docs.terminal`` writes docs/figures/guard-{light,dark}.svg.

The tutorial's project is made in a folder that goes afterwards, its tests are guarded on a
terminal of their own, and what that showed is drawn, colours and all.
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.sax.saxutils import escape

from rich.console import Console
from rich.text import Text

from docs.blocks import write_files

DOCS = Path(__file__).parent
COMMAND = "harness guard --database shop.db -- python -m pytest -q test_shop.py"
HOME = "~/shop"  # stands for the folder in the picture
COLUMNS = 98
NO_BREAK = "\u00a0"  # blanks in a row are one elsewhere
CHARACTER, LINE, MARGIN = 8.0, 19, 16  # pixels
COLOURS = {2: "green"}  # by a terminal's number: all that the guard and pytest use here
INK = {
    "light": {"paper": "#ffffff", "edge": "#d0d7de", "ink": "#1f2328", "green": "#1a7f37"},
    "dark": {"paper": "#0d1117", "edge": "#3d444d", "ink": "#e6edf3", "green": "#3fb950"},
}


def run_guard() -> str:
    """Guard the tutorial's tests for real; return what a terminal was sent."""
    page = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made).resolve() / "shop"
        folder.mkdir()
        write_files(page, folder)
        subprocess.run([sys.executable, "make_shop.py"], cwd=folder, check=True)
        return _on_a_terminal(folder).replace(str(folder), HOME)


def _on_a_terminal(folder: Path) -> str:
    here, there = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    environment |= {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TERM": "xterm-256color",
        "PYTEST_ADDOPTS": "-p no:cacheprovider -p no:xdist",
        "HARNESS_STATE_DIR": str(folder.parent / "state"),
    }
    running = subprocess.Popen(
        COMMAND.split(), cwd=folder, env=environment, stdin=there, stdout=there, stderr=there
    )
    os.close(there)
    said = b""
    try:
        while part := os.read(here, 4096):
            said += part
    except OSError:  # Linux says so when the other end is closed
        pass
    finally:
        os.close(here)
    if running.wait():
        raise SystemExit(f"{COMMAND} ended with {running.returncode}:\n{said.decode()}")
    return said.decode()


def wrapped(said: str) -> list[Text]:
    """Return what was said as lines of the picture, with their colours."""
    console = Console(width=COLUMNS, legacy_windows=False, file=open(os.devnull, "w"))  # noqa: SIM115
    prompt = Text.assemble(("$ ", "dim"), (COMMAND, "bold"))
    return [prompt, *Text.from_ansi(said.replace("\r\n", "\n").rstrip()).wrap(console, COLUMNS)]


def drawn(lines: list[Text], ink: dict[str, str]) -> str:
    """Return the picture of a terminal with these lines."""
    width = round(COLUMNS * CHARACTER + 2 * MARGIN)
    height = LINE * len(lines) + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(COMMAND)}</title>",
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" '
        f'fill="{ink["paper"]}" stroke="{ink["edge"]}"/>',
        '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" '
        'font-size="13" xml:space="preserve">',
    ]
    for number, line in enumerate(lines):
        y = MARGIN + LINE * (number + 1) - 5
        parts.append(f'<text y="{y}" fill="{ink["ink"]}">{_spans(line, ink)}</text>')
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _spans(line: Text, ink: dict[str, str]) -> str:
    """Put each piece of one look where it stands, as wide as a terminal's characters are."""
    console, place, parts = Console(), 0, []
    for piece in line.divide(sorted({edge for span in line.spans for edge in span[:2]})):
        if piece.plain:
            said = escape(piece.plain.replace(" ", NO_BREAK))
            style = piece.get_style_at_offset(console, 0)
            look = ' font-weight="bold"' if style.bold else ""
            look += ' opacity="0.6"' if style.dim else ""
            if style.color is not None and style.color.number is not None:
                look += f' fill="{ink[COLOURS[style.color.number]]}"'
            parts.append(
                f'<tspan x="{MARGIN + CHARACTER * place:g}" '
                f'textLength="{CHARACTER * len(piece.plain):g}"{look}>{said}</tspan>'
            )
        place += len(piece.plain)
    return "".join(parts)


def main() -> None:
    """Draw the picture for a light and for a dark page."""
    lines = wrapped(run_guard())
    for name, ink in INK.items():
        path = DOCS / "figures" / f"guard-{name}.svg"
        path.write_text(drawn(lines, ink), encoding="utf-8")


if __name__ == "__main__":
    main()
