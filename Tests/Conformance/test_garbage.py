"""Huge, broken, hostile and half-sent requests: a clear refusal, nothing stored, nobody else hurt."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from typing import Any

import httpx
import pytest
from kit.api import Api, check_envelope, data_of, envelope, error_of, eventually, new_id
from kit.raw import connect, head, is_closed_by_peer, json_of, read_answer

AT = "2026-05-11T20:00:00.123456Z"
EVENTS = "/api/ingest/v1/events"


def span(**fields: Any) -> dict[str, Any]:
    return {
        "type": "classify", "level": "info", "payload": {"i": 1}, "occurred_at": AT, "span_id": new_id(),
        "started_at": AT, "ended_at": AT, "duration_ms": 12, "parent_span_id": new_id(), "kind": "step", **fields,
    }  # fmt: skip


def good(call: str, run_id: str, agent_id: str) -> dict[str, Any]:
    """A body with every typed member of the call."""
    return {
        "run/start": {"agent_id": agent_id, "trigger_type": "sdk", "input": {"n": 1}, "external_run_id": new_id(), "parent_run_id": run_id},
        "events": {"run_id": run_id, "events": [span(), span()]},
        "run/complete": {"run_id": run_id, "output": {"x": 1}, "input_tokens": 1, "output_tokens": 1, "cache_read_tokens": 1, "cache_creation_tokens": 1},
        "run/fail": {"run_id": run_id, "error_message": "boom", "error_detail": {"x": 1}},
        "run/cancel": {"run_id": run_id, "reason": "stop"},
        "tasks": {"run_id": run_id, "task": {"id": new_id(), "name": "load", "status": "running", "input": {}, "output": {}, "error_message": "x"}},
        "human-input/request": {"run_id": run_id, "prompt": "Go on?", "timeout_seconds": 600, "context": {}, "request_id": new_id()},
    }[call]  # fmt: skip


class Victim:
    """A reporting agent with one open run, which must stay as it is."""

    def __init__(self, ws: Api) -> None:
        self.ws = ws
        made = ws.rpc("agents_create", name=f"Victim {new_id()[:8]}", system_prompt="-", runtime_type="external")
        self.agent_id = made["agent_id"]
        self.api = ws.with_key(ws.rpc("api_keys_create", agent_id=self.agent_id, name="k")["api_key"])
        self.run_id = self.api.start_run(self.agent_id, input={"kept": True})
        self.before = self.state()

    def state(self) -> Any:
        runs = self.ws.rpc("runs_list", agent_id=self.agent_id, limit=100)
        return self.ws.run(self.run_id), self.ws.events(self.run_id), [run["id"] for run in runs]

    def assert_untouched(self) -> None:
        assert self.state() == self.before

    def refuses(self, call: str, body: bytes, **headers: str) -> dict[str, Any]:
        error = error_of(self.api.ingest(call, body, headers=headers), "VALIDATION_ERROR")
        return error


@pytest.fixture(scope="module")
def victim(ws):
    return Victim(ws)


# ── a member given twice ─────────────────────────────────────────────────────


def encode(value: Any, twice: tuple[str | int, ...] | None) -> str:
    """JSON of `value` in which the member at the path `twice` stands there twice."""
    if isinstance(value, dict):
        members = []
        for name, member in value.items():
            inside = twice[1:] if twice and twice[0] == name else None
            text = f"{json.dumps(name)}: {encode(member, inside or None)}"
            members += [text] * (2 if twice == (name,) else 1)
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(encode(v, twice[1:] if twice and twice[0] == i else None) for i, v in enumerate(value)) + "]"
    return json.dumps(value)


def paths(call: str) -> list[tuple[str | int, ...]]:
    body = good(call, new_id(), new_id())
    found: list[tuple[str | int, ...]] = [(name,) for name in body]
    if call == "events":
        found += [("events", 1, name) for name in body["events"][1]]
    if call == "tasks":
        found += [("task", name) for name in body["task"]]
    return found


CALLS = ["run/start", "events", "run/complete", "run/fail", "run/cancel", "tasks", "human-input/request"]
TWICE = [pytest.param(call, path, id=f"{call}: {'.'.join(map(str, path))}") for call in CALLS for path in paths(call)]


@pytest.mark.parametrize("call, path", TWICE)
def test_a_typed_member_given_twice_is_refused_by_name(victim, call, path):
    body = good(call, victim.run_id, victim.agent_id)
    error = victim.refuses(call, encode(body, path).encode())
    said = json.dumps(error)
    assert str(path[-1]) in said, f"the answer must name {path}: {said}"
    if len(path) == 3:
        assert "events[1]" in said, f"the answer must say which event: {said}"
    victim.assert_untouched()


def test_members_given_twice_inside_free_form_json_are_nobodys_business(victim, ws):
    run_id = victim.api.start_run(victim.agent_id)
    body = b'{"run_id":"%s","events":[{"type":"t","payload":{"a":1,"a":2},"occurred_at":"%s"}]}' % (run_id.encode(), AT.encode())
    data_of(victim.api.ingest("events", body))
    assert len(ws.events(run_id)) == 1
    victim.before = victim.state()


INVOKE = {
    "input": {"q": "x"}, "prompt_variables": {"A": "b"}, "session_id": new_id(), "start_session": False,
    "external_user_id": "u", "parent_run_id": new_id(), "stream": False, "test": False,
}  # fmt: skip


@pytest.mark.parametrize("name", INVOKE)
def test_a_member_of_an_invoke_given_twice_is_refused_by_name(server, creds, ws, name):
    hosted = Api(server.base, creds["hosted_agent_key"])
    before = ws.rpc("runs_list", agent_id=creds["hosted_agent_id"], limit=100)
    error = error_of(hosted.invoke(creds["hosted_agent_id"], encode(INVOKE, (name,)).encode()), "VALIDATION_ERROR")
    assert name in json.dumps(error)
    assert ws.rpc("runs_list", agent_id=creds["hosted_agent_id"], limit=100) == before


@pytest.mark.parametrize("method, body, name", [
    ("agents_create", {"name": "Twice", "system_prompt": "x", "model": "m", "provider_type": "demo"}, "name"),
    ("agents_create", {"name": "Twice", "system_prompt": "x", "temperature": 1}, "temperature"),
    ("runs_list", {"limit": 5}, "limit"),
    ("runs_get", {"run_id": new_id()}, "run_id"),
])  # fmt: skip
def test_a_parameter_given_twice_is_refused_by_name(ws, method, body, name):
    error = error_of(ws.post(f"/api/v1/rpc/{method}", encode(body, (name,)).encode()), "VALIDATION_ERROR")
    assert name in json.dumps(error)
    assert "Twice" not in [agent["name"] for agent in ws.rpc("agents_list")]


# ── numbers out of range ─────────────────────────────────────────────────────

HUGE = ["-1", "1.5", "1e400", "-1e400", "99999999999999999999", "1" + "0" * 5000, "NaN", "Infinity", "true", '"1"', "0x10", "01", "1.", "+1"]
COUNTS = [("events", ("events", 1, "duration_ms"))] + [
    ("run/complete", (name,)) for name in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens")
] + [("human-input/request", ("timeout_seconds",))]  # fmt: skip


@pytest.mark.parametrize("literal", HUGE, ids=lambda text: text[:24])
@pytest.mark.parametrize("call, path", COUNTS, ids=lambda value: value if isinstance(value, str) else value[-1])
def test_a_number_out_of_range_is_refused_by_name(victim, call, path, literal):
    body = good(call, victim.run_id, victim.agent_id)
    target: Any = body
    for part in path[:-1]:
        target = target[part]
    target[path[-1]] = "@@"
    error = victim.refuses(call, json.dumps(body).replace('"@@"', literal).encode())
    if literal not in ("0x10", "01", "1.", "+1"):  # these are not JSON at all
        assert str(path[-1]) in json.dumps(error)
    victim.assert_untouched()


@pytest.mark.parametrize("literal", ["12.0", "1.2e1", "9007199254740993"])
def test_any_json_number_with_an_integral_value_is_an_integer(victim, ws, literal):
    run_id = victim.api.start_run(victim.agent_id)
    data_of(victim.api.ingest("run/complete", b'{"run_id":"%s","input_tokens":%s}' % (run_id.encode(), literal.encode())))
    assert ws.run(run_id)["input_tokens"] == (9007199254740993 if len(literal) > 6 else 12)
    victim.before = victim.state()


# ── not JSON ─────────────────────────────────────────────────────────────────


def template(victim: Victim) -> bytes:
    return json.dumps(good("events", victim.run_id, victim.agent_id)).encode()


DEEP = 100_000
NESTED = {
    "brackets alone": lambda v: b"[" * DEEP,
    "closed brackets": lambda v: b"[" * DEEP + b"]" * DEEP,
    "objects": lambda v: b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "in the payload": lambda v: template(v).replace(b'{"i": 1}', b'{"i": ' + b"[" * DEEP + b"]" * DEEP + b"}", 1),
    "in the payload, open": lambda v: template(v).replace(b'{"i": 1}', b'{"i": ' + b"[" * DEEP, 1),
    "as the payload": lambda v: template(v).replace(b'{"i": 1}', b'{"a":' * DEEP + b"1" + b"}" * DEEP, 1),
    "in an unknown member": lambda v: template(v)[:-1] + b', "x": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "as the run id": lambda v: template(v).replace(b'"%s"' % v.run_id.encode(), b"[" * DEEP + b"]" * DEEP, 1),
}


@pytest.mark.parametrize("make", NESTED.values(), ids=NESTED.keys())
def test_a_hundred_thousand_brackets_are_refused(victim, make):
    victim.refuses("events", make(victim))
    victim.assert_untouched()


def test_five_hundred_levels_are_stored(victim, ws):
    run_id = victim.api.start_run(victim.agent_id)
    payload: Any = 1
    for _ in range(500):
        payload = {"a": payload}
    victim.api.send(run_id, {"type": "deep", "payload": payload, "occurred_at": AT})
    assert ws.events(run_id)[0]["payload"] == payload
    victim.before = victim.state()


INVALID = {
    "lone continuation byte": b"\x80", "overlong slash": b"\xc0\xaf", "overlong in three": b"\xe0\x80\xaf", "surrogate": b"\xed\xa0\x80",
    "above the last": b"\xf4\x90\x80\x80", "cut sequence": b"\xe2\x82", "five bytes": b"\xf8\x88\x80\x80\x80", "0xff": b"\xff\xfe",
}  # fmt: skip
PLACES = {
    "payload": (b'{"i": 1}', b'{"i": "%s"}'), "payload name": (b'{"i": 1}', b'{"%s": 1}'), "type": (b'"classify"', b'"%s"'),
    "kind": (b'"step"', b'"%s"'), "unknown member": (b'"run_id"', b'"x": "%s", "run_id"'),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", INVALID.values(), ids=INVALID.keys())
def test_invalid_utf_8_is_refused(victim, place, text):
    old, new = PLACES[place]
    victim.refuses("events", template(victim).replace(old, new % text, 1))
    victim.assert_untouched()


BROKEN = {
    "tru": b"tru", "escape": b'"\\q"', "short unicode escape": b'"\\u12"', "raw line break": b'"a\nb"', "raw tab": b'"a\tb"', "raw nul": b'"a\x00b"',
    "trailing comma": b"[1,]", "no comma": b"[1 2]", "comment": b"1 /* x */", "single quotes": b"'a'", "open text": b'"a',
    "nan in lower case": b"nan", "bare word": b"undefined", "leading zero": b"012", "hex": b"0x1", "dot": b".5", "plus": b"+1",
    "wrong bracket": b"[1}", "two values": b"1 1", "nothing": b"",
}  # fmt: skip


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_broken_json_inside_a_payload_is_refused(victim, text):
    victim.refuses("events", template(victim).replace(b'{"i": 1}', b'{"i": ' + text + b"}", 1))
    victim.assert_untouched()


@pytest.mark.parametrize("call", CALLS)
def test_a_body_cut_anywhere_is_refused(victim, call):
    body = json.dumps(good(call, victim.run_id, victim.agent_id)).encode()
    for length in range(0, len(body), max(1, len(body) // 60)):
        victim.refuses(call, body[:length])
    for extra in (b"x", b"{}", b",", b"\x00", b"]"):
        victim.refuses(call, body + extra)
    victim.assert_untouched()


@pytest.mark.parametrize("body", [b"", b" ", b"null", b"[]", b"3", b'"text"', b"\xef\xbb\xbf{", b"{}"])
@pytest.mark.parametrize("call", CALLS)
def test_a_body_that_is_no_proper_object_is_refused(victim, call, body):
    victim.refuses(call, body)
    victim.assert_untouched()


@pytest.mark.parametrize("call", CALLS)
def test_random_bytes_are_refused(victim, chance, call):
    for _ in range(60):
        body = chance.randbytes(chance.choice([1, 2, 16, 300, 5000]))
        victim.refuses(call, body)
    victim.assert_untouched()


def test_random_damage_is_never_a_server_fault(ws, chance):
    victim = Victim(ws)
    body = json.dumps(good("events", victim.run_id, victim.agent_id)).encode()
    stored = 0
    for _ in range(400):
        damaged = bytearray(body)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(damaged))
            what = chance.randrange(3)
            if what == 0:
                damaged[at] = chance.randrange(256)
            elif what == 1:
                del damaged[at : at + chance.randint(1, 5)]
            else:
                damaged[at:at] = chance.choice([b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"null", b"1e9", b"\xff"])
        answer = victim.api.ingest("events", bytes(damaged))
        assert answer.status_code in (200, 400, 404), f"{answer.status_code} for {bytes(damaged)!r}: {answer.text[:300]}"
        envelope(answer)
        stored += answer.status_code == 200
    events = ws.events(victim.run_id)
    assert [e["sequence_number"] for e in events] == list(range(1, len(events) + 1))
    assert len(events) <= 2 * stored, "all or nothing, and nothing of what was refused"


def test_one_bad_event_among_a_thousand_refuses_the_batch_and_is_named(victim):
    events = [{"type": "t", "payload": {"i": i}, "occurred_at": f"2026-05-11T20:00:00.{i:06d}Z"} for i in range(1000)]
    events[777]["level"] = "warning"
    error = victim.refuses("events", json.dumps({"run_id": victim.run_id, "events": events}).encode())
    assert "events[777].level" in json.dumps(error)
    victim.assert_untouched()


# ── huge ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path, limit_mb", [(EVENTS, 16), ("/api/v1/agents/{hosted}/invoke", 16), ("/api/v1/rpc/runs_list", 72)])
def test_a_gigabyte_is_refused_before_it_is_sent(server, creds, victim, path, limit_mb):
    key = creds["hosted_agent_key"] if "{hosted}" in path else creds["workspace_key"]
    path = path.replace("{hosted}", creds["hosted_agent_id"])
    for size in (1 << 30, limit_mb * (1 << 20) + 1, 1 << 62):
        with connect(server.port) as connection:
            connection.sendall(head(path, key, content_length=str(size)) + b'{"run_id": "')
            status, headers, body = read_answer(connection)
            assert status == 413, (status, body[:300])
            assert check_envelope(False, json_of(body))["error"]["code"] == "PAYLOAD_TOO_LARGE"
            assert headers.get("x-request-id")
            assert is_closed_by_peer(connection), "the rest is not waited for"
    victim.assert_untouched()


def test_a_body_in_chunks_is_refused_once_it_is_too_large(server, creds):
    with connect(server.port) as connection:
        connection.sendall(head(EVENTS, creds["workspace_key"], transfer_encoding="chunked"))
        chunk = b"%x\r\n%s\r\n" % (1 << 20, b"x" * (1 << 20))
        try:
            for _ in range(40):
                connection.sendall(chunk)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            return  # closed in the middle of it: good enough, nobody reads 40 MiB
        status, _, body = read_answer(connection)
    assert status == 413, body[:300]


def test_just_under_the_limit_is_stored(victim, ws):
    run_id = victim.api.start_run(victim.agent_id)
    text = "é" * (15 << 19)
    body = json.dumps({"run_id": run_id, "events": [{"type": "big", "payload": {"t": text}, "occurred_at": AT}]}, ensure_ascii=False)
    data_of(victim.api.ingest("events", body.encode()))
    assert ws.events(run_id)[0]["payload"]["t"] == text
    victim.before = victim.state()


@pytest.mark.parametrize("request_bytes", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00" * 1000,
    b"POST / HTTP/1.1\r\ncontent-length: -5\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 7\r\n\r\nabcdefg",
    b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", b"GET / HTTP/1.1\r\n" + b"a: " + b"x" * 1_000_000 + b"\r\n\r\n",
    b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
], ids=lambda raw: repr(raw[:24]))  # fmt: skip
def test_what_is_no_http_ends_its_own_connection_only(server, ws, request_bytes):
    with connect(server.port) as connection:
        try:
            connection.sendall(request_bytes)
            connection.shutdown(1)
            is_closed_by_peer(connection)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert isinstance(ws.rpc("runs_list", limit=1), list)


@pytest.mark.parametrize("line", [b"content-length: abc", b"content-length: -5", b"transfer-encoding: chunked\r\n\r\nzz"])
def test_what_is_no_http_is_refused_like_everything_else(server, line):
    with connect(server.port) as connection:
        connection.sendall(b"POST /api/ingest/v1/events HTTP/1.1\r\nhost: a\r\n" + line + b"\r\n\r\n")
        status, headers, body = read_answer(connection)
        assert status == 400 and headers["content-type"] == "application/json" and headers["x-request-id"]
        assert json_of(body)["data"] is None and json_of(body)["error"]["code"] == "VALIDATION_ERROR"
        assert is_closed_by_peer(connection)


@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/docs", 200), ("/nope", 404), ("/api/mcp", 405)])
def test_an_answer_to_head_has_no_body(server, path, status):
    with httpx.Client(base_url=server.base) as client:
        for _ in range(3):
            answer = client.head(path)
            assert answer.status_code == status and answer.content == b""
        assert client.get("/healthz").status_code == 200


def test_random_bytes_on_the_socket_hurt_nobody(server, ws, chance):
    for _ in range(50):
        with connect(server.port) as connection:
            try:
                connection.sendall(chance.randbytes(chance.randint(1, 4000)))
                connection.shutdown(1)
                is_closed_by_peer(connection)
            except OSError:
                pass
    assert isinstance(ws.rpc("runs_list", limit=1), list)


# ── half a request ───────────────────────────────────────────────────────────


def test_half_sent_requests_do_not_hinder_others_and_can_be_finished(server, creds, rep, ws, agent_id):
    run_id = rep.start_run(agent_id)
    body = json.dumps({"run_id": run_id, "events": [{"type": "slow", "occurred_at": AT}]}).encode()
    whole = head(EVENTS, creds["reported_agent_key"], content_length=str(len(body))) + body
    chance = random.Random(3)
    half = []
    for _ in range(120):
        connection = connect(server.port)
        cut = chance.randint(1, len(whole) - 1)
        connection.sendall(whole[:cut])
        half.append((connection, cut))
    others = httpx.Client(base_url=server.base, timeout=10, trust_env=False)
    api = Api(server.base, creds["reported_agent_key"], http=others)
    for i in range(100):
        api.send(run_id, {"type": "quick", "payload": {"i": i}, "occurred_at": f"2026-05-11T21:00:00.{i:06d}Z"})
    assert [e["type"] for e in ws.events(run_id)] == ["quick"] * 100
    connection, cut = half[0]
    connection.sendall(whole[cut:])
    status, _, answer = read_answer(connection)
    assert status == 200, answer
    for connection, _ in half:
        connection.close()
    assert [e["type"] for e in ws.events(run_id)] == ["quick"] * 100 + ["slow"]


def test_a_client_that_leaves_in_the_middle_leaves_nothing(server, creds, victim, ws):
    body = json.dumps({"run_id": victim.run_id, "events": [span()]}).encode()
    for cut in (1, len(body) // 2, len(body) - 1):
        with connect(server.port) as connection:
            connection.sendall(head(EVENTS, creds["workspace_key"], content_length=str(len(body))) + body[:cut])
    assert isinstance(ws.rpc("runs_list", limit=1), list)
    victim.assert_untouched()


# ── gzip ─────────────────────────────────────────────────────────────────────


def test_a_gzipped_body_is_stored(victim, ws):
    run_id = victim.api.start_run(victim.agent_id)
    body = json.dumps({"run_id": run_id, "events": [{"type": "zipped", "payload": {"t": "x" * 9000}, "occurred_at": AT}]}).encode()
    data_of(victim.api.ingest("events", gzip.compress(body), headers={"content-encoding": "gzip"}))
    assert ws.events(run_id)[0]["payload"] == {"t": "x" * 9000}
    victim.before = victim.state()


def test_broken_gzip_is_refused(victim, chance):
    whole = gzip.compress(template(victim))
    bad_sum = whole[:-8] + bytes(b ^ 0x55 for b in whole[-8:-4]) + whole[-4:]
    damaged = [b"", b"\x1f\x8b", whole[:-1], whole[:-9], whole[: len(whole) // 2], whole[:11], bad_sum, template(victim), zlib.compress(template(victim))]
    damaged += [chance.randbytes(500), b"\x1f\x8b\x08\x00" + chance.randbytes(500), whole + chance.randbytes(20)]
    for body in damaged:
        victim.refuses("events", body, **{"content-encoding": "gzip"})
    victim.assert_untouched()


def test_a_gzip_bomb_is_refused_as_too_large(victim, server):
    bomb = gzip.compress(b" " * (200 << 20), 9)
    assert len(bomb) < 1 << 20
    error_of(victim.api.ingest("events", bomb, headers={"content-encoding": "gzip"}), "PAYLOAD_TOO_LARGE")
    victim.assert_untouched()


def test_an_unknown_content_encoding_is_refused(victim):
    answer = victim.api.ingest("events", template(victim), headers={"content-encoding": "zstd-of-the-future"})
    assert 400 <= answer.status_code < 500, answer.text
    envelope(answer)
    victim.assert_untouched()


def test_the_server_is_well_after_all_this(server, ws):
    assert server.process is not None and server.process.poll() is None
    eventually(lambda: httpx.get(f"{server.base}/readyz", trust_env=False).status_code == 200, 10)
