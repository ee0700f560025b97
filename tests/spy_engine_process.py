"""The process of the spy engine: `python -m spy_engine_process`. See spy_engine.py for what it does."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from penstock.engines import child

ABILITIES = ("grammar", "tools", "logprobs", "reasoning_effort", "images")
CALL = '<tool_call>{"name": "f", "arguments": {}}</tool_call>'
"""What is right whether a call is demanded or not."""
ANSWER = (
    b'data: {"choices":[{"index":0,"delta":{"content":%b}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'
    b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
) % json.dumps(CALL).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    notes: Path


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        assert isinstance(self.server, _Server)
        body = self.rfile.read(int(self.headers["content-length"]))
        seen = {"path": self.path, "headers": self.headers.items(), "body": json.loads(body)}
        with self.server.notes.open("a", encoding="utf-8") as notes:
            notes.write(json.dumps(seen, ensure_ascii=False) + "\n")
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        if self.path.endswith("/input_tokens"):
            return b'{"input_tokens":1}'
        return ANSWER.replace(b'"delta":{}', b'"text":""') if self.path == "/v1/completions" else ANSWER


def main() -> None:
    config = child.begin()
    answer = child.claim_stdout()
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.notes = Path(config["notes"])
        child.announce(answer, f"http://127.0.0.1:{server.server_address[1]}", dict.fromkeys(ABILITIES, True))
        server.serve_forever()


if __name__ == "__main__":
    main()
