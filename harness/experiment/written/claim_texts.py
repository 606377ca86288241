"""Claims and measures as fields of an experiment's file."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from harness.errors import ConfigurationError
from harness.experiment.written.claimed import ROW_MEASURES, parse_claim
from harness.experiment.written.document import nearest


def _claim(text: str) -> str:
    try:
        parse_claim(text)
    except ConfigurationError as error:
        raise ValueError(str(error)) from error
    return text


def _measure(name: str) -> str:
    if name not in ROW_MEASURES:
        hint = nearest(name, ROW_MEASURES)
        raise ValueError(f"nothing measures {name!r}; {hint}known: {', '.join(ROW_MEASURES)}")
    return name


ClaimText = Annotated[str, AfterValidator(_claim)]
Measure = Annotated[str, AfterValidator(_measure)]
