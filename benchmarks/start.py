"""How long a command takes in a new process over a library of some size, the disk being warm.

    python benchmarks/start.py [--files 1000] [--keep FOLDER]

Files hold ten short sections each, recombined from the sentences of Python's own help topics, so
that every machine makes the same. Each command runs five times; the median and the worst are told,
and which heavy packages the process loaded. `ask` goes through an endpoint on this machine that
answers at once.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from pydoc_data.topics import topics

HEAVY = ("torch", "transformers", "sentence_transformers", "openvino", "lancedb", "numpy")
RUN = """
import sys, time
began = time.perf_counter()
from graft.cli.main import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
loaded = [name for name in {heavy!r} if name in sys.modules]
sys.stderr.write("LOADED " + " ".join(loaded) + "\\n")
"""
SETTINGS = "[segment]\nmax_tokens = 48\n"


def write_files(folder: Path, count: int, sections: int = 10) -> None:
    text = " ".join(topics.values())
    sentences = [" ".join(s.split()) for s in re.split(r"(?<=[.!?])\s+", text)]
    sentences = [s for s in sentences if 40 <= len(s) <= 160]
    draw = random.Random(0)
    for i in range(count):
        parts = [
            f"## Section {i}-{j}\n\n{draw.choice(sentences)} {draw.choice(sentences)}"
            for j in range(sections)
        ]
        parts.insert(0, f"# Page {i}")
        (folder / f"page-{i:05}.md").write_text("\n\n".join(parts), encoding="utf-8")


class Answering(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "It is said there [1]."}
        body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def timed(words: list[str], turns: int = 5) -> str:
    taken, loaded = [], ""
    for _ in range(turns):
        code = RUN.format(heavy=HEAVY)
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        taken.append(time.perf_counter() - began)
        loaded = done.stderr.rpartition("LOADED ")[2].strip()
    return f"{statistics.median(taken):6.2f} s, worst {max(taken):.2f}; loaded {loaded or 'none'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="a folder for files and workspace, used again")
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as made:
        root = given.keep or Path(made)
        docs, workspace = root / "docs", root / "ws"
        for folder in (docs, workspace):
            folder.mkdir(parents=True, exist_ok=True)
        if not any(docs.iterdir()):
            write_files(docs, given.files)
            (workspace / "graft.toml").write_text(SETTINGS)
        at = ["-w", str(workspace)]
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-c", RUN.format(heavy=HEAVY), *at, "ingest", str(docs)], check=True
        )
        print(f"the first ingest took {time.perf_counter() - began:.0f} s")
        url = f"generate.url=http://127.0.0.1:{server.server_address[1]}/v1"
        endpoint = ["--set", url, "--set", "generate.model=any"]
        question = "what does a finally clause do"
        for name, words in {
            "graft --help": ["--help"],
            "search by bm25": [*at, "search", question, "--set", "retrieve.pipeline=bm25"],
            "search, hybrid": [*at, "search", question],
            "ask through an endpoint": [*at, "ask", question, *endpoint],
            "ingest, nothing changed": [*at, "ingest", str(docs)],
        }.items():
            print(f"{name:24s} {timed(words)}", flush=True)
    server.shutdown()


if __name__ == "__main__":
    main()
