"""Events: the data of server-sent events (https://html.spec.whatwg.org, 9.2), as bytes come in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

DONE = b"[DONE]"
_LINE_END = re.compile(rb"\r\n|\r|\n")
_MARK = b"\xef\xbb\xbf"


@dataclass
class Events:
    """Takes a stream in chunks, cut anywhere, and gives the data of each event when it is whole.

    Lines end at CR, LF or both, and at nothing else: U+2028 may stand inside JSON. Data on several
    lines are joined. An event whose data are whole JSON is given at once, for some servers
    leave out the empty line that ends it.
    """

    _rest: bytes = b""
    _data: bytes | None = None
    _begun: bool = False
    _after_cr: bool = False

    def add(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the data of the events that end in this chunk."""
        if self._after_cr and chunk:
            chunk, self._after_cr = chunk.removeprefix(b"\n"), False
        text = self._rest + chunk
        if not self._begun:
            if len(text) < len(_MARK) and _MARK.startswith(text):
                self._rest = text
                return
            text, self._begun = text.removeprefix(_MARK), True
        *lines, self._rest = _LINE_END.split(text)
        self._after_cr = chunk.endswith(b"\r")
        for line in lines:
            yield from self._line(line)

    def end(self) -> Iterator[bytes]:
        """Yield what is left at the stream's end."""
        yield from self._line(self._rest)
        yield from self._line(b"")

    def _line(self, line: bytes) -> Iterator[bytes]:
        if not line:
            if self._data is not None:
                yield self._data
            self._data = None
            return
        name, _, value = line.partition(b":")
        if name != b"data":
            return
        value = value.removeprefix(b" ")
        self._data = value if self._data is None else self._data + b"\n" + value
        if _is_whole(self._data):
            yield self._data.strip()
            self._data = None


def _is_whole(data: bytes) -> bool:
    if data.strip() == DONE:
        return True
    if not data.rstrip().endswith(b"}"):
        return False
    try:
        json.loads(data)
    except ValueError:
        return False
    return True
