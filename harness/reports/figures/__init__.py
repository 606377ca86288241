"""Figures of the HTML report: one file a figure, drawn as inline SVG without scripts."""
