"""Requests no HTTP library would send: written byte by byte to a socket."""

from __future__ import annotations

import json
import socket
from typing import Any


def connect(port: int, timeout: float = 15.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=timeout)


def head(path: str, key: str, **headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: 127.0.0.1", f"authorization: Bearer {key}", "content-type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer with a content-length: status, headers, body."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        assert piece, f"closed without an answer; received {received[:200]!r}"
        received += piece
    top, _, body = received.partition(b"\r\n\r\n")
    first, *rest = top.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    while len(body) < int(headers.get("content-length", 0)):
        piece = connection.recv(65536)
        assert piece, f"closed inside an answer: {headers} {body[:200]!r}"
        body += piece
    return int(first.split()[1]), headers, body


def is_closed_by_peer(connection: socket.socket) -> bool:
    """Waits until the peer closes, within the socket's timeout."""
    try:
        while connection.recv(65536):
            pass
        return True
    except (ConnectionResetError, BrokenPipeError):
        return True
    except TimeoutError:
        return False


def json_of(body: bytes) -> Any:
    return json.loads(body)
