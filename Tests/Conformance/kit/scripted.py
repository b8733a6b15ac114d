"""A model that answers by what the conversation holds, and a place where tools have effects.

Both live in the test process, so that they see everything a server did before and after it was killed.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Asked:
    """One request to the model."""

    model: str
    results: list[str]
    """The tool results of the conversation, oldest first."""
    prompt: str = ""
    """The first thing the user said."""


@dataclass
class Say:
    text: str
    pieces: int = 1


@dataclass
class Call:
    tools: list[tuple[str, dict[str, Any]]]


Answer = Say | Call


class _Server:
    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        class Threaded(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request: Any, client_address: Any) -> None:
                # A client that was killed in the middle is what these tests are about.
                pass

        self.server = Threaded(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Scripted(_Server):
    """Speaks Anthropic's Messages API, plain and streamed. `script(asked)` says what to answer."""

    def __init__(self, script: Callable[[Asked], Answer]) -> None:
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                asked = Asked(body["model"], _results(body["messages"]), _text(body["messages"][0]))
                with owner.lock:
                    owner.asked.append(asked)
                message = _message(script(asked), len(asked.results))
                if body.get("stream"):
                    self._stream(message)
                else:
                    self._send("application/json", json.dumps(message).encode())

            def _send(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _stream(self, message: dict[str, Any]) -> None:
                pieces = message.pop("_pieces")
                frames = [("message_start", {"message": message | {"content": [], "stop_reason": None}})]
                for index, block in enumerate(message["content"]):
                    if block["type"] == "text":
                        frames.append(("content_block_start", {"index": index, "content_block": {"type": "text", "text": ""}}))
                        for piece in _cut(block["text"], pieces):
                            frames.append(("content_block_delta", {"index": index, "delta": {"type": "text_delta", "text": piece}}))
                    else:
                        frames.append(("content_block_start", {"index": index, "content_block": block | {"input": {}}}))
                        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
                        frames.append(("content_block_delta", {"index": index, "delta": delta}))
                    frames.append(("content_block_stop", {"index": index}))
                frames.append(("message_delta", {"delta": {"stop_reason": message["stop_reason"]}, "usage": {"output_tokens": 5}}))
                frames.append(("message_stop", {}))
                text = "".join(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in frames)
                self._send("text/event-stream", text.encode())

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(Handler)

    def clear(self) -> None:
        with self.lock:
            self.asked.clear()


def _results(messages: list[dict[str, Any]]) -> list[str]:
    blocks = [b for m in messages if isinstance(m["content"], list) for b in m["content"] if b["type"] == "tool_result"]
    return [b["content"] if isinstance(b["content"], str) else "".join(c.get("text", "") for c in b["content"]) for b in blocks]


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


def _cut(text: str, pieces: int) -> list[str]:
    size = max(1, -(-len(text) // pieces))
    return [text[start : start + size] for start in range(0, len(text), size)]


def _message(answer: Answer, seen: int) -> dict[str, Any]:
    if isinstance(answer, Say):
        content: list[dict[str, Any]] = [{"type": "text", "text": answer.text}]
        reason = "end_turn"
    else:
        content = [
            {"type": "tool_use", "id": f"toolu_{seen}_{index}", "name": name, "input": arguments}
            for index, (name, arguments) in enumerate(answer.tools)
        ]
        reason = "tool_use"
    return {
        "id": "msg_scripted", "type": "message", "role": "assistant", "model": "scripted", "content": content,
        "stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 10, "output_tokens": 5},
        "_pieces": answer.pieces if isinstance(answer, Say) else 1,
    }  # fmt: skip


@dataclass
class Effect:
    path: str
    key: str | None
    body: bytes


class Effects(_Server):
    """Records what tools do; answers `{"done": true}`."""

    def __init__(self, delay: float = 0) -> None:
        self.seen: list[Effect] = []
        self.lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                if len(body) < length:
                    return  # cut off by a kill: nothing that anybody would act on
                with owner.lock:
                    owner.seen.append(Effect(urlsplit(self.path).path, self.headers.get("idempotency-key"), body))
                if delay:
                    time.sleep(delay)
                answer = b'{"done": true}'
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(Handler)

    def clear(self) -> None:
        with self.lock:
            self.seen.clear()

    def at(self, path: str) -> list[Effect]:
        with self.lock:
            return [effect for effect in self.seen if effect.path == path]


@dataclass
class Frames:
    """Reads a run's stream across broken connections; keeps text as a careful client does."""

    last: str | None = None
    ids: list[str] = field(default_factory=list)
    settled: str = ""
    current: str = ""
    ended: dict[str, Any] | None = None

    def take(self, lines: Any) -> None:
        """Takes in lines of an event stream; a broken connection just ends it."""
        frame_id: str | None = None
        for line in lines:
            if line.startswith("id: "):
                frame_id = line[4:]
            elif line.startswith("data: "):
                self._frame(json.loads(line[6:]), frame_id)
                frame_id = None

    def _frame(self, frame: dict[str, Any], frame_id: str | None) -> None:
        if frame_id:
            assert frame_id not in self.ids, f"the frame {frame_id} came twice"
            self.ids.append(frame_id)
            self.last = frame_id
        match frame["type"]:
            case "chunk":
                self.current += frame["text"]
            case "reset":
                self.current = ""
            case "tool":
                self.settled, self.current = self.settled + self.current, ""
            case "done" | "error" | "awaiting_approval" | "awaiting_input":
                if frame_id:
                    self.ended = frame

    @property
    def text(self) -> str:
        return self.settled + self.current
