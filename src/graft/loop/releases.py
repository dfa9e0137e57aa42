"""Releases: which settings serve, what a new one pins, and whether its weights are still there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path

from graft.core.config import Settings, override
from graft.core.errors import ConfigError, ModelError, SetupError
from graft.core.installed import installed_versions
from graft.core.release import Lineage, Release
from graft.core.runs import weights_digest
from graft.wire import (
    Wiring,
    encoder,
    generator,
    line_of,
    prompt_of,
    reranker,
    resolved,
    space,
    weights_path,
)


def settings_of(w: Wiring, number: int | None) -> tuple[Settings, str]:
    """Return a release's settings and its name; None is the current one.

    What variables and flags say counts over what the release pins, and where that changes
    anything the name says so, as in "3 (changed)"; graft.toml waits until it is put into use.
    Raises NotFound when there is no such release, ConfigError for a segmentation that no release
    was in use with: nothing is cut by it.
    """
    releases = w.releases
    release = releases.current() if number is None else releases.get(number)
    try:
        pinned = resolved(release.settings)
    except ConfigError as error:
        raise ConfigError(f"release {release.number} cannot be used here: {error}") from error
    settings = resolved(override(pinned, w.explicit))
    if settings == pinned:
        return release.settings, str(release.number)
    cuts = [release, *map(releases.get, releases.history())]
    if settings.segment not in [other.settings.segment for other in cuts]:
        require_same(settings, release, ("segment",))
    return settings, f"{release.number} (changed)"


def require_same(settings: Settings, release: Release, tables: Sequence[str]) -> None:
    """Raise ConfigError, naming the setting, where tables are not those of a release."""
    for table in tables:
        wanted, pinned = getattr(settings, table), getattr(release.settings, table)
        for key in type(wanted).model_fields:
            value, held = getattr(wanted, key), getattr(pinned, key)
            if value != held:
                raise ConfigError(
                    f"{table}.{key} is {value!r} by a flag or a GRAFT_ variable, and the documents "
                    f"are held as release {release.number} says, which is {held!r}: to change it, "
                    f"set it in graft.toml and run `graft release promote --config`"
                )


def _digests(w: Wiring, settings: Settings) -> dict[str, Callable[[], str]]:
    """Return, for each part of these settings that has weights here, what tells their digest."""
    found: dict[str, Callable[[], str]] = {"encoder": lambda: encoder(w, settings.encoder).digest}
    stages = line_of(settings).used
    if "fuse" in stages and stages["fuse"].run:
        found["fusion"] = lambda: weights_digest(
            Path(weights_path(w, stages["fuse"].run, "fusion"))
        )
    if "rerank" in stages:
        found["reranker"] = lambda: (
            reranker(w, stages["rerank"].model, settings.encoder.dtype).digest
        )
    if not settings.generate.url:
        found["generator"] = lambda: generator(w, settings.generate).digest
    return found


def require_weights(w: Wiring, release: Release) -> None:
    """Raise ModelError when a release's models are not those that it was made with."""
    for part, digest in _digests(w, release.settings).items():
        if part in release.digests and digest() != release.digests[part]:
            raise ModelError(
                f"release {release.number} was made with another {part} than is there now: put "
                "its weights back, or make a release of what is there with `graft release "
                "promote --config`"
            )


def make_release(
    w: Wiring, settings: Settings, *, created: float, lineage: Lineage, note: str = ""
) -> Release:
    """Return a release of these settings, with prompts, digests and versions resolved.

    It is not stored, and nothing has judged it. A generator that is remote has no digest, nor one
    that is not installed yet.
    """
    digests = {}
    for part, digest in _digests(w, settings).items():
        with suppress(SetupError) if part == "generator" else nullcontext():
            digests[part] = digest()
    name = settings.answer.prompt
    return Release(
        number=0,
        created=created,
        settings=resolved(settings),
        space=space(w, settings).id,
        prompts={name: prompt_of(w, name).to_dict()},
        digests=digests,
        versions=installed_versions(),
        lineage=lineage,
        note=note,
    )
