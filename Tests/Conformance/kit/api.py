"""Raw HTTP with the envelope checked on every answer."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx

UUID_RE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME_RE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

STATUS_OF = {
    "VALIDATION_ERROR": 400,
    "UNAUTHENTICATED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "TIMEOUT": 408,
    "CONFLICT": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "PROVIDER_ERROR": 502,
}


def is_uuid(value: Any) -> bool:
    return isinstance(value, str) and UUID_RE.fullmatch(value) is not None


def is_time(value: Any) -> bool:
    return isinstance(value, str) and TIME_RE.fullmatch(value) is not None


def new_id() -> str:
    return str(uuid.uuid4())


def check_envelope(ok: bool, body: Any) -> dict[str, Any]:
    assert isinstance(body, dict) and {"data", "error"} <= set(body), f"no envelope: {body!r}"
    if ok:
        assert body["error"] is None, f"a success has error null: {body!r}"
        return body
    assert body["data"] is None, f"a failure has data null: {body!r}"
    error = body["error"]
    assert isinstance(error, dict) and error.get("code") and error.get("message"), f"a failure has code and message: {body!r}"
    return body


def envelope(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers.get("content-type", "").startswith("application/json"), f"{answer.headers} {answer.text[:300]!r}"
    assert answer.headers.get("x-request-id"), "no x-request-id"
    return check_envelope(answer.is_success, answer.json())


def data_of(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text[:600]}"
    return envelope(answer)["data"]


def error_of(answer: httpx.Response, code: str) -> dict[str, Any]:
    assert answer.status_code == STATUS_OF[code], f"{answer.status_code} instead of {code}: {answer.text[:600]}"
    error = envelope(answer)["error"]
    assert error["code"] == code, error
    return error


def eventually(check: Callable[[], Any], timeout: float = 20.0, every: float = 0.05, what: str = "") -> Any:
    """Calls `check` until it returns something truthy; returns that."""
    deadline = time.monotonic() + timeout
    while True:
        if value := check():
            return value
        assert time.monotonic() < deadline, f"not within {timeout} s: {what or check}"
        time.sleep(every)


class Api:
    """A client bound to one server and one key."""

    def __init__(self, base: str, key: str | None, timeout: float = 60.0, http: httpx.Client | None = None) -> None:
        self.base = base
        self.key = key
        limits = httpx.Limits(max_connections=200)
        self.http = http or httpx.Client(base_url=base, timeout=timeout, trust_env=False, limits=limits)

    def with_key(self, key: str | None) -> Api:
        return Api(self.base, key, http=self.http)

    def headers(self, **extra: str) -> dict[str, str]:
        bearer = {"authorization": f"Bearer {self.key}"} if self.key else {}
        return {"content-type": "application/json"} | bearer | extra

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        """POST of a JSON value as the official client encodes it; bytes go out as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(path, content=content, headers=self.headers(**(headers or {})), **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(path, headers=self.headers(), **options)

    # control plane

    def call(self, method: str, /, **parameters: Any) -> httpx.Response:
        return self.post(f"/api/v1/rpc/{method}", parameters)

    def rpc(self, method: str, /, **parameters: Any) -> Any:
        return data_of(self.call(method, **parameters))

    def run(self, run_id: str) -> dict[str, Any]:
        return self.rpc("runs_get", run_id=run_id)

    def events(self, run_id: str, page: int = 5000) -> list[dict[str, Any]]:
        """All events of a run, page by page."""
        events: list[dict[str, Any]] = []
        while True:
            after = events[-1]["sequence_number"] if events else 0
            more = self.rpc("runs_get_events", run_id=run_id, limit=page, after_sequence=after)
            events += more
            if len(more) < page:
                return events

    # ingest

    def ingest(self, call: str, body: Any, **options: Any) -> httpx.Response:
        return self.post(f"/api/ingest/v1/{call}", body, **options)

    def start_run(self, agent_id: str, **fields: Any) -> str:
        run_id = data_of(self.ingest("run/start", {"agent_id": agent_id, **fields}))["run_id"]
        assert is_uuid(run_id), run_id
        return run_id

    def send(self, run_id: str, *events: dict[str, Any]) -> dict[str, Any]:
        return data_of(self.ingest("events", {"run_id": run_id, "events": list(events)}))

    def invoke(self, agent_id: str, body: Any, **options: Any) -> httpx.Response:
        return self.post(f"/api/v1/agents/{agent_id}/invoke", body, **options)
