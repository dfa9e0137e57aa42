"""promote and roll back: switch what production uses, and nothing of what it knows."""

from __future__ import annotations

from graft.core.context import Context
from graft.core.errors import CheckFailed, InputError
from graft.core.release import Lineage
from graft.jobs.spaces import ensure_space
from graft.wire import Wiring, library, make_release


def promote(
    workspace: Wiring, number: int | None, *, from_config: bool = False, force: bool = False,
    wait: float = 0.0, ctx: Context,
) -> int:  # fmt: skip
    """Put a release into use and return its number.

    With `from_config`, a release of graft.toml as it stands is made first: the user's own word,
    which no gate has judged. Raises CheckFailed when the gate did not say "promote", unless
    `force`. The release's space is filled with the present contents before the switch.
    """
    releases = workspace.releases
    if (number is None) != from_config:
        raise InputError("name one release to promote, or pass --config: `graft release list`")
    with workspace.layout.writer(wait):
        if from_config:
            version = library(workspace).version
            made = make_release(
                workspace, workspace.config.settings, created=ctx.clock(),
                lineage=Lineage(library_version=version), note="from graft.toml",
            )  # fmt: skip
            ensure_space(workspace, made.settings, ctx=ctx)
            number = releases.add(made).number
        else:
            assert number is not None
            release = releases.get(number)
            in_use_before = number in releases.history()
            if release.verdict != "promote" and not force and not in_use_before:
                raise CheckFailed(
                    f"the gate's verdict on release {number} is {release.verdict or 'not given'!r}:"
                    " keep what you have, or pass --force to promote it all the same"
                )
            ensure_space(workspace, release.settings, ctx=ctx)
        releases.switch(number)
    return number


def rollback(workspace: Wiring, *, wait: float = 0.0, ctx: Context) -> int:
    """Go back to the release in use before, and return its number; contents stay current."""
    with workspace.layout.writer(wait):
        history = workspace.releases.history()
        if len(history) > 1:
            ensure_space(workspace, workspace.releases.get(history[1]).settings, ctx=ctx)
        return workspace.releases.rollback()
