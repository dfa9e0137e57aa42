"""Subtitles as running text, without their numbers and times."""

import re

from graft.library.readers import Blob, Extracted, Reader


def read_subtitles(blob: Blob) -> list[Extracted]:
    lines = blob.data.decode("utf-8", "replace").splitlines()
    spoken = [line for line in lines if line and not re.fullmatch(r"\d+|.* --> .*", line)]
    return [Extracted("", " ".join(spoken))]


SUBTITLES = Reader("subtitles", ("application/x-subrip",), read_subtitles, suffixes=(".srt",))
