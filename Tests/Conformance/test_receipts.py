"""Receipts of stored events, metrics, health, rate limits: what a client or an operator can check."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from kit.api import Api, data_of, envelope, error_of, eventually, new_id


def events(first: int, count: int) -> list[dict]:
    return [
        {"type": "step", "payload": {"i": i}, "occurred_at": f"2026-05-11T20:{i // 60 % 60:02d}:{i % 60:02d}.{i:06d}Z"}
        for i in range(first, first + count)
    ]


# ── receipts ─────────────────────────────────────────────────────────────────


def test_the_answer_to_events_says_what_was_stored_where(rep, ws, agent_id):
    run_id = rep.start_run(agent_id)
    first = rep.send(run_id, *events(0, 50))
    assert (first["accepted"], first["first_sequence"], first["last_sequence"]) == (50, 1, 50)
    second = rep.send(run_id, *events(50, 1))
    assert (second["accepted"], second["first_sequence"], second["last_sequence"]) == (1, 51, 51)
    assert [e["payload"]["i"] for e in ws.events(run_id)] == list(range(51))


def test_a_repeat_is_accepted_and_stores_nothing(rep, ws, agent_id):
    run_id = rep.start_run(agent_id)
    rep.send(run_id, *events(0, 20))
    assert rep.send(run_id, *events(0, 20))["accepted"] == 20
    mixed = rep.send(run_id, *events(10, 20))
    assert mixed["accepted"] == 20 and mixed["last_sequence"] == 30
    assert [e["payload"]["i"] for e in ws.events(run_id)] == list(range(30))


def test_receipts_of_many_writers_to_one_run_tile_its_sequence(rep, ws, agent_id):
    run_id = rep.start_run(agent_id)

    def send(writer: int) -> list[tuple[int, int, int]]:
        receipts = []
        for i in range(20):
            # Writers share no clock: each stamps its own hour, so that none looks like a repeat of another.
            batch = [
                {"type": "w", "payload": {"w": writer, "i": i, "k": k}, "occurred_at": f"2026-05-{writer + 1:02d}T{i:02d}:00:00.{k:06d}Z"}
                for k in range(1 + (writer + i) % 7)
            ]
            data = rep.send(run_id, *batch)
            assert data["accepted"] == len(batch)
            assert data["last_sequence"] - data["first_sequence"] + 1 == len(batch), "a batch is stored in one piece"
            receipts.append((data["first_sequence"], writer, i))
        return receipts

    with ThreadPoolExecutor(8) as pool:
        receipts = [r for rows in pool.map(send, range(8)) for r in rows]
    stored = ws.events(run_id)
    assert [e["sequence_number"] for e in stored] == list(range(1, len(stored) + 1))
    for first, writer, i in receipts:
        assert (stored[first - 1]["payload"]["w"], stored[first - 1]["payload"]["i"], stored[first - 1]["payload"]["k"]) == (writer, i, 0)
    assert len(stored) == sum(1 + (w + i) % 7 for w in range(8) for i in range(20))


def test_a_hundred_starts_at_once_with_one_external_id_give_one_run(rep, ws, agent_id):
    external = f"job-{new_id()}"
    with ThreadPoolExecutor(100) as pool:
        ids = set(pool.map(lambda _: rep.start_run(agent_id, external_run_id=external), range(100)))
    assert len(ids) == 1
    assert [r["external_run_id"] for r in ws.rpc("runs_list", agent_id=agent_id, limit=100)].count(external) == 1


# ── health and metrics ───────────────────────────────────────────────────────


def test_health_and_readiness_need_no_key(server):
    with httpx.Client(base_url=server.base, trust_env=False) as http:
        assert data_of(http.get("/healthz")) == {"status": "ok"}
        assert http.get("/readyz").status_code == 200


SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*\})? (\S+)( \d+)?')


def metrics(server) -> dict[str, float]:
    """Name and labels -> value, after checking the text format line by line."""
    answer = httpx.get(f"{server.base}/metrics", trust_env=False, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain"), answer.headers["content-type"]
    samples: dict[str, float] = {}
    for line in answer.text.splitlines():
        if not line or line.startswith("#"):
            assert not line or re.match(r"# (HELP|TYPE|EOF|UNIT)\b", line), line
            continue
        match = SAMPLE.fullmatch(line)
        assert match, f"not a sample: {line}"
        name = match[1] + (match[2] or "")
        assert name not in samples, f"twice: {name}"
        samples[name] = float(match[3])
    return samples


def total(samples: dict[str, float], *words: str) -> dict[str, float]:
    return {n: v for n, v in samples.items() if all(w in n for w in words) and "_bucket" not in n}


def test_metrics_are_prometheus_text_and_count_stored_events(server, rep, agent_id):
    run_id = rep.start_run(agent_id)
    before = total(metrics(server), "ingest", "event")
    assert before, "no counter of ingested events"
    rep.send(run_id, *events(0, 137))

    def counted() -> bool:
        after = total(metrics(server), "ingest", "event")
        return any(after[name] - before.get(name, 0) == 137 for name in after)

    eventually(counted, 10, what="a counter to rise by 137")


def test_metrics_speak_of_requests_latency_commits_and_runs(server, rep, agent_id):
    rep.start_run(agent_id)
    names = {name.split("{")[0] for name in metrics(server)}
    for word in ("request", "commit", "queue", "run"):
        assert any(word in name for name in names), f"nothing about {word}: {sorted(names)}"
    assert any(name.endswith("_bucket") for name in names), "no histogram"


def test_a_request_id_is_echoed_or_made(rep, agent_id):
    answer = rep.ingest("run/start", {"agent_id": agent_id}, headers={"x-request-id": "trace-me-1"})
    assert answer.headers["x-request-id"] == "trace-me-1"
    made = {rep.ingest("run/start", {"agent_id": agent_id}).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3


# ── rate limits ──────────────────────────────────────────────────────────────

LIMITS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


@pytest.fixture
def limited(make_server):
    """A server with the default limits."""
    return make_server(**{f"AGENTOS_RATE_LIMIT_{k}": None for k in ("INGEST", "INVOKE", "CONTROL", "AUTH")}).start()


def test_every_answer_to_a_key_carries_the_rate_limit_headers(limited):
    creds = limited.credentials
    rep, ws = Api(limited.base, creds["reported_agent_key"]), Api(limited.base, creds["workspace_key"])
    hosted = Api(limited.base, creds["hosted_agent_key"])
    answers = {
        "start": rep.ingest("run/start", {"agent_id": creds["reported_agent_id"]}),
        "refused": rep.ingest("run/start", {"agent_id": 3}),
        "unknown run": rep.ingest("events", {"run_id": new_id(), "events": events(0, 1)}),
        "list": ws.call("runs_list"),
        "unknown method": ws.call("no_such_method"),
        "forbidden": rep.call("runs_list"),
        "invoke": hosted.invoke(creds["hosted_agent_id"], {"input": {"q": "hello"}}),
        "stream": hosted.invoke(creds["hosted_agent_id"], {"input": {"q": "hello"}, "stream": True}),
    }
    for what, answer in answers.items():
        for name in LIMITS:
            assert re.fullmatch(r"\d+", answer.headers.get(name, "")), f"{what}: {name} is {answer.headers.get(name)!r}"
        assert int(answer.headers[LIMITS[1]]) <= int(answer.headers[LIMITS[0]])
    assert answers["start"].headers[LIMITS[0]] == "60000"
    assert answers["list"].headers[LIMITS[0]] == "6000" == answers["invoke"].headers[LIMITS[0]]


def test_over_the_limit_nothing_is_done_and_the_client_is_told_when_to_come_back(make_server):
    server = make_server(AGENTOS_RATE_LIMIT_INGEST="3").start()
    creds = server.credentials
    rep, ws = Api(server.base, creds["reported_agent_key"]), Api(server.base, creds["workspace_key"])
    run_id = rep.start_run(creds["reported_agent_id"])
    rep.send(run_id, *events(0, 1))
    rep.send(run_id, *events(1, 1))
    refused = rep.ingest("events", {"run_id": run_id, "events": events(2, 1)})
    error_of(refused, "RATE_LIMITED")
    assert re.fullmatch(r"[1-9]\d*", refused.headers["retry-after"])
    assert refused.headers["x-ratelimit-limit"] == "3" and refused.headers["x-ratelimit-remaining"] == "0"
    assert len(ws.events(run_id)) == 2, "refused before any side effect, and other kinds of calls have their own limit"


def test_only_failed_authentication_is_limited_and_a_good_key_never_is(make_server):
    server = make_server(AGENTOS_RATE_LIMIT_AUTH="3").start()
    rep = Api(server.base, server.credentials["reported_agent_key"])
    wrong = rep.with_key("aos_agent_" + "x" * 43)
    body = {"agent_id": server.credentials["reported_agent_id"]}
    seen = [wrong.ingest("run/start", body) for _ in range(6)]
    assert [a.status_code for a in seen] == [401] * 3 + [429] * 3, [a.status_code for a in seen]
    for answer in seen:
        envelope(answer)
    assert all(a.headers["www-authenticate"].startswith("Bearer") for a in seen[:3])
    data_of(rep.ingest("run/start", body))
