"""Figures of the HTML report: one file each, drawn as SVG from summary.json.

Each module has TITLE, ABOUT and a function that returns HTML, "" where a run has nothing for it:
``curves.curves(summary)``, ``outcomes.outcomes(summary)``, ``needed.needed(summary)``,
``builds.builds(summary, confidence)`` (a page that carries ``builds.SCRIPT`` lets the reader set
the build rate), ``costs.cost(summary)``, ``timeline.worst(folder, summary)``,
``timeline.timeline(folder, condition, cycle)``. What a page may open with at full width:
``curves.hero(summary)``, ``costs.hero(summary)``; ``besides=True`` then leaves it out below.
"""
