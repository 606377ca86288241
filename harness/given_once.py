"""A command whose options are given once, or say that they may be given again.

What is given twice can be meant in two ways, and the parser would silently take the last.
"""

from __future__ import annotations

from collections import Counter

import click


def _listen(ctx: click.Context, _: click.Parameter, verbosity: int) -> None:
    if verbosity and not ctx.resilient_parsing:
        from harness.log import listen  # noqa: PLC0415 - help must come at once

        listen(verbosity)


VERBOSITY = click.Option(
    ["-v", "verbosity"],
    count=True,
    expose_value=False,
    callback=_listen,
    help="Log each step on standard error; -vv: and every detail.",
)


class Once(click.Command):
    """A command that refuses an option which takes one value and is given more than once.

    A flag says the same however often it is given. Each has ``-v``, as its group has.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Give its parameters, and what every command has."""
        return [*super().get_params(ctx), VERBOSITY]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; UsageError (of click's) for what is given twice, in whichever spelling."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for parameter, times in Counter(order).items():
            if times > 1 and _takes_one_value(parameter) and not ctx.resilient_parsing:
                raise click.UsageError(
                    f"{parameter.opts[0]} is given {times} times and takes one value: "
                    "which one is meant? Give it once.",
                    ctx,
                )
        return super().parse_args(ctx, args)


class OnceGroup(click.Group):
    """A group of such commands."""

    command_class = Once

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Give its parameters, and what every command has."""
        return [*super().get_params(ctx), VERBOSITY]


def _takes_one_value(parameter: click.Parameter) -> bool:
    """Whether a second value would take the place of the first."""
    return isinstance(parameter, click.Option) and not (
        parameter.multiple or parameter.is_flag or parameter.count
    )
