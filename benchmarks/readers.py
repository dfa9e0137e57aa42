"""Read every file under a folder: by format what was read or refused, how fast, how well.

    python benchmarks/readers.py FOLDER [--worst N] [--reasons]

A reference is `FOLDER/groundtruth/PATH.md` for `FOLDER/files/PATH`, where there is one. Two figures
compare with it, on words without Markdown signs and link targets: F1 of the words as a bag, and
the share of the reference's words found in its order (longest common blocks, difflib).
"""

from __future__ import annotations

import argparse
import difflib
import re
import time
from collections import Counter, defaultdict
from pathlib import Path

from graft.core.errors import DocumentError
from graft.library.readers import read_file


def words(text: str) -> list[str]:
    """Return the words of Markdown: no image marks, link targets, emphasis or table rules."""
    text = re.sub(r"<!--.*?-->", " ", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^()\s]*(?:\([^()\s]*\)[^()\s]*)?\)", " ", text)
    text = text.replace("\\_", "_").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return re.findall(r"\w+", text.lower())


def bag_f1(found: list[str], wanted: list[str]) -> float:
    """Return F1 of two bags of words."""
    shared = sum((Counter(found) & Counter(wanted)).values())
    return 2 * shared / max(1, len(found) + len(wanted))


def in_order(found: list[str], wanted: list[str]) -> float:
    """Return the share of `wanted` that stands in `found` in the same order."""
    found, wanted = found[:20_000], wanted[:20_000]
    matcher = difflib.SequenceMatcher(None, found, wanted, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks()) / max(1, len(wanted))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--worst", type=int, default=0, help="show the N files furthest from theirs"
    )
    parser.add_argument("--reasons", action="store_true", help="show why each file was refused")
    parser.add_argument(
        "--order", action="store_true", help="compare the order of words too (slow)"
    )
    options = parser.parse_args()
    base = options.folder / "files" if (options.folder / "files").is_dir() else options.folder
    formats: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    scores, refused, slowest = [], [], []
    characters, begun = 0, time.process_time()
    for path in sorted(p for p in base.rglob("*") if p.is_file()):
        row = formats[path.suffix.lower()]
        started = time.process_time()
        try:
            texts = read_file(path)
        except DocumentError as error:
            row["refused"].append(1)
            refused.append((path, str(error)))
            continue
        finally:
            seconds = time.process_time() - started
            row["seconds"].append(seconds)
            slowest.append((seconds, path))
        text = "\n\n".join(item.text for item in texts)
        characters += len(text)
        row["read"].append(1)
        reference = options.folder / "groundtruth" / f"{path.relative_to(base)}.md"
        if reference.exists():
            found, wanted = words(text), words(reference.read_text(encoding="utf-8"))
            f1 = bag_f1(found, wanted)
            row["f1"].append(f1)
            if options.order:
                row["order"].append(in_order(found, wanted))
            scores.append((f1, path))
    total = time.process_time() - begun
    print("format      read  refused  seconds  refs     F1  order")
    for name, row in sorted(formats.items()):
        f1, order = row["f1"], row["order"]
        print(
            f"{name:10} {len(row['read']):5} {len(row['refused']):8} {sum(row['seconds']):8.2f} "
            f"{len(f1):5} {sum(f1) / len(f1) if f1 else float('nan'):6.3f} "
            f"{sum(order) / len(order) if order else float('nan'):6.3f}"
        )
    mean = sum(f1 for f1, _ in scores) / len(scores) if scores else float("nan")
    files = sum(len(row["read"]) + len(row["refused"]) for row in formats.values())
    print(
        f"{files} files, {len(refused)} refused, {characters:,} characters in {total:.1f} s of CPU "
        f"({characters / total:,.0f} a second); F1 {mean:.3f} over {len(scores)} references"
    )
    print("slowest: " + ", ".join(f"{p.name} {s:.2f} s" for s, p in sorted(slowest)[-3:][::-1]))
    for f1, path in sorted(scores)[: options.worst]:
        print(f"{f1:.3f} {path.relative_to(base)}")
    for path, reason in refused if options.reasons else []:
        print(f"{path.relative_to(base)}: {reason}")


if __name__ == "__main__":
    main()
