"""The table of contents, which stays in view, and the filter beside it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from harness.reports.figures import builds
from harness.reports.html_parts.markup import clean

# The page says everything without it: it opens what a link leads to where a browser does not, and
# shows the filter and the rate of builds, which are hidden where no script runs.
_SCRIPT = """
'use strict';
const reveal = () => {
  const at = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!at) return;
  for (let up = at.closest('details'); up; up = up.parentElement.closest('details')) up.open = true;
  at.scrollIntoView();
};
addEventListener('hashchange', reveal);
for (const link of document.querySelectorAll('a[href^="#"]'))
  link.addEventListener('click', () => { if (link.hash === location.hash) reveal(); });
const found = [...document.querySelectorAll('[data-find]')];
const form = document.getElementById('filter');
const said = form.querySelector('output');
const texts = found.map((one) => one.textContent.toLowerCase());
form.hidden = !found.length;
form.addEventListener('submit', (event) => event.preventDefault());
form.querySelector('input').addEventListener('input', (event) => {
  const words = event.target.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let shown = 0;
  found.forEach((one, at) => {
    one.hidden = !words.every((word) => texts[at].includes(word));
    shown += !one.hidden;
  });
  for (const sweep of document.querySelectorAll('details.sweep')) {
    const any = sweep.querySelector('[data-find]:not([hidden])');
    sweep.hidden = !any;
    sweep.open = Boolean(words.length && any);
  }
  said.textContent = words.length ? `${shown} of ${found.length} claims and conditions` : '';
});
reveal();
"""
SCRIPT = _SCRIPT + builds.SCRIPT  # one script, of which the page's policy names one hash
FILTER = (
    '<form id="filter" hidden role="search"><label>Filter <input type="search" '
    'placeholder="claim, condition, cause" autocomplete="off"></label><output></output></form>'
)


def script_hash() -> str:
    """Return what the page's policy calls its one script."""
    digest = hashlib.sha256(SCRIPT.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def contents(named: Iterable[tuple[str, str]]) -> str:
    """Return the navigation for (address, title) of each part, with the filter."""
    links = "".join(f'<li><a href="#{name}">{clean(title)}</a></li>' for name, title in named)
    return f'<nav class="contents" aria-label="Contents"><ul>{links}</ul>{FILTER}</nav>'
