"""Who is labelling: `--rater`, else GRADER_RATER, else the name one is logged in with."""

from __future__ import annotations

import getpass
import os

import click

from grader.errors import UsageError

__all__ = ["rater_option", "whoever"]

rater_option = click.option("--rater", metavar="NAME", help="Who is labelling (GRADER_RATER; default: the login name).")


def whoever(given: str | None) -> str:
    """The rater's name. Raises UsageError where none can be found, or an empty one was given."""
    if given is not None and not given.strip():  # `--rater "$NAME"` in a script
        raise UsageError("--rater: the name is empty")
    named = given or os.environ.get("GRADER_RATER")
    if named:
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without a user database
        raise UsageError("who is labelling? give --rater NAME or set GRADER_RATER") from None
