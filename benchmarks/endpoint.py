"""What an endpoint's client costs, beside a bare HTTP client: `python benchmarks/endpoint.py`.

Both ask the same server on this machine in one run, which answers at once. Printed are, for each,
processor milliseconds (median): to import in a new process, with the memory it then holds; a
call of one prompt; a prompt of a call of 64; and a stream of 300 pieces.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2

from graft.core.generation import Decoding, Prompt
from graft.generate.remote import RemoteGenerator

PROMPT: Prompt = [{"role": "user", "content": "How many leave days carry over? " * 60}]
PIECES = 300


class Handler(BaseHTTPRequestHandler):
    """Answers every prompt with one sentence, or with 300 pieces."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        kind = "application/json"
        if body.get("stream"):
            kind = "text/event-stream"
            events = [{"delta": {"content": "five "}, "finish_reason": None}] * (PIECES - 1)
            events.append({"delta": {"content": "days."}, "finish_reason": "stop"})
            text = "".join(f"data: {json.dumps({'choices': [e]})}\n\n" for e in events)
            text += "data: [DONE]\n\n"
        else:
            choice = {"message": {"content": "Five days."}, "finish_reason": "stop"}
            text = json.dumps({"choices": [choice], "usage": {"prompt_tokens": 9}})
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


def processor_ms(work: Callable[[], object], times: int) -> float:
    spent = []
    for _ in range(times + 1):
        started = time.process_time()
        work()
        spent.append((time.process_time() - started) * 1000)
    return statistics.median(spent[1:])


def importing(module: str) -> tuple[float, float]:
    """Return processor milliseconds and peak MB of a new process that imports a module."""
    code = (
        f"import time, psutil; t = time.process_time(); import {module}\n"
        "print((time.process_time() - t) * 1000,"
        " psutil.Process().memory_info().rss / 1e6)"
    )
    runs = [
        [float(n) for n in subprocess.check_output([sys.executable, "-c", code]).split()]
        for _ in range(5)
    ]
    return statistics.median(ms for ms, _ in runs), statistics.median(mb for _, mb in runs)


def bare(url: str, prompts: int, *, stream: bool = False) -> None:
    body = {"model": "tiny", "messages": PROMPT, "stream": stream}
    with httpx2.Client(verify=False, trust_env=False) as client:
        for _ in range(prompts):
            with client.stream("POST", f"{url}/chat/completions", json=body) as reply:
                for line in reply.iter_lines():
                    if line.startswith(("{", "data: {")):
                        json.loads(line.removeprefix("data: "))["choices"][0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=30)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
            graft, decoding = RemoteGenerator(url, "tiny"), Decoding()
            for what, module in (("graft", "graft.generate.remote"), ("bare", "httpx2")):
                ms, mb = importing(module)
                print(f"import, {what:5} {ms:8.1f} ms {mb:8.1f} MB")
            for what, ours, theirs, times, share in (
                ("one prompt", lambda: graft.generate([PROMPT], decoding),
                 lambda: bare(url, 1), args.times, 1),
                ("one of 64 prompts", lambda: graft.generate([PROMPT] * 64, decoding),
                 lambda: bare(url, 64), max(3, args.times // 5), 64),
                ("a stream of 300 pieces", lambda: list(graft.stream(PROMPT, decoding)),
                 lambda: bare(url, 1, stream=True), max(3, args.times // 3), 1),
            ):  # fmt: skip
                ms, other = (processor_ms(work, times) / share for work in (ours, theirs))
                print(f"{what:24} {ms:8.2f} ms, bare {other:6.2f} ms: {ms / other:5.1f} times")
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
