"""What every table of an experiment's file is made of: numbers, names, known names."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

from harness import registry
from harness.errors import UnknownName
from harness.experiment.written.document import nearest

Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x1f]+$")]


class Part(BaseModel):
    """A frozen table of the file that knows all its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def named(package: str) -> AfterValidator:
    """Accept only names that the registry knows in ``package``."""

    def check(name: str) -> str:
        known = registry.names(package)
        if name not in known:
            hint = nearest(name, known)
            what = package.removesuffix("s")
            raise ValueError(f"no {what} is called {name!r}; {hint}known: {', '.join(known)}")
        try:
            registry.find(package, name)
        except UnknownName as error:  # somebody's own that cannot be used
            raise ValueError(str(error)) from error
        return name

    return AfterValidator(check)
