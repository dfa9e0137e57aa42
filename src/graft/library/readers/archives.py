"""ZIP containers (Office, OpenDocument, EPUB) opened within limits, and XML parsed safely."""

from __future__ import annotations

import io
import posixpath
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lxml import etree

from graft.core.errors import DocumentError
from graft.library.readers.extracted import Blob

MAX_MEMBERS = 20_000
MAX_XML_BYTES = 128 << 20


@dataclass(frozen=True)
class Archive:
    """An open ZIP container: its member names, and safe reading of them."""

    zip: zipfile.ZipFile
    names: frozenset[str]

    def read(self, name: str) -> bytes:
        """Return a member's bytes. Raises DocumentError when it is damaged or encrypted."""
        try:
            return self.zip.read(name)
        except KeyError:
            raise DocumentError(
                f"its part {name} is missing: open it in its own program and save it"
            ) from None
        except RuntimeError:
            raise DocumentError("the file is encrypted: save a copy without the password") from None
        except Exception:
            # Damaged parts fail in any way that a decompressor can.
            raise DocumentError(f"its part {name} is damaged: get a whole copy") from None

    def xml(self, name: str) -> Any:
        """Return the root element of a member. Raises DocumentError when it is no XML."""
        return parse_xml(self.read(name), name)

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Return the relations of an Office part: id to (kind, path of the target)."""
        folder, file = posixpath.split(part)
        path = posixpath.join(folder, "_rels", file + ".rels")
        if path not in self.names:
            return {}
        found = {}
        for element in self.xml(path):
            kind = str(element.get("Type", "")).rsplit("/", 1)[-1]
            target = str(element.get("Target", ""))
            if element.get("TargetMode") != "External":
                base = "" if target.startswith("/") else folder
                target = posixpath.normpath(posixpath.join(base, target.lstrip("/")))
            found[str(element.get("Id", ""))] = (kind, target)
        return found


@contextmanager
def open_archive(blob: Blob) -> Iterator[Archive]:
    """Open a ZIP container whose contents together fit the blob's limit.

    Raises DocumentError for a damaged or encrypted one, and for one that unpacks to too much.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(blob.data))
    except Exception as error:
        raise DocumentError("the container is damaged: get a whole copy of the file") from error
    with archive:
        entries = archive.infolist()
        total = sum(entry.file_size for entry in entries)
        if len(entries) > MAX_MEMBERS or total > blob.limit:
            raise DocumentError(
                f"it unpacks to {total >> 20} MiB in {len(entries)} parts, and "
                f"{blob.limit >> 20} MiB in {MAX_MEMBERS} is the limit: "
                "split it, or raise ingest.max_megabytes"
            )
        if any(entry.flag_bits & 1 for entry in entries):
            raise DocumentError("the file is encrypted: save a copy without the password")
        yield Archive(archive, frozenset(entry.filename for entry in entries))


def parse_xml(data: bytes, name: str = "the file") -> Any:
    """Return the root element of XML bytes: no network, no external entities, no entity bombs.

    Slightly broken XML is mended. Raises DocumentError when nothing is left or it is too large.
    """
    if len(data) > MAX_XML_BYTES:
        raise DocumentError(
            f"{name} holds {len(data) >> 20} MiB of XML, and {MAX_XML_BYTES >> 20} MiB is the "
            "limit: split the document"
        )
    for mend in (False, True):
        parser = etree.XMLParser(
            resolve_entities="internal",
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            recover=mend,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            root = etree.fromstring(data, parser)
        except etree.XMLSyntaxError as error:
            # Mending would hide a bomb behind a part of its text.
            if "entity" in str(error).lower() and ("loop" in str(error) or "amplif" in str(error)):
                raise DocumentError(
                    f"{name} expands entities without end: it is not safe"
                ) from error
            continue
        except (ValueError, MemoryError):
            continue
        if root is not None:
            return root
    raise DocumentError(f"{name} is not valid XML: check that it is whole")


def local(element: Any) -> str:
    """Return an element's name without its namespace; comments and the like give ""."""
    tag = element.tag
    return _bare(tag) if isinstance(tag, str) else ""


@lru_cache(maxsize=4096)
def _bare(tag: str) -> str:
    # Asked for every element of every part, of a few dozen names: a cache halves the time.
    return tag.rpartition("}")[2]


def attribute(element: Any, name: str) -> str:
    """Return an attribute's value whatever its namespace, or ""."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return ""
