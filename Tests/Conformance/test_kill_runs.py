"""Kills at random moments while many runs with tools go on: every run ends, no effect is lost, none is doubled."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import Counter
from typing import Any

import httpx
import pytest

from conftest import SEED
from kit.api import Api, eventually, new_id
from kit.scripted import Answer, Asked, Call, Effects, Say, Scripted

KILLS = int(os.environ.get("AGENTOS_TEST_KILLS", "40"))
AT_ONCE = 50


class Callers:
    """Keeps so many runs going; each call is repeated under its key until it is acknowledged."""

    def __init__(self, server: Any, key: str, agent: str) -> None:
        self.server, self.key, self.agent = server, key, agent
        self.acknowledged: dict[str, str] = {}
        self.doubled: list[str] = []
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.call, daemon=True) for _ in range(AT_ONCE)]
        for thread in self.threads:
            thread.start()

    def call(self) -> None:
        while not self.over.is_set():
            self.one(new_id())

    def one(self, key: str) -> None:
        ws = Api(self.server.base, self.key, timeout=30)
        while True:
            try:
                body = {"input": {"order": key}}  # the one text of the input is what the model reads
                answer = ws.post(f"/api/v1/agents/{self.agent}/invoke", body, {"idempotency-key": key})
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            if answer.status_code >= 500 and "run_id" not in answer.text:
                continue
            run_id = answer.json()["data"]["run_id"] if answer.status_code == 200 else answer.json()["error"]["run_id"]
            with self.lock:
                if self.acknowledged.setdefault(key, run_id) != run_id:
                    self.doubled.append(key)
            return

    def finish(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "a caller got no answer"


def script(effects: Effects) -> Any:
    """Books, posts and reads one after the other, all in the name of the run's order."""

    def answer(asked: Asked) -> Answer:
        steps = [
            ("book", {"order": asked.prompt}),
            ("http_request", {"method": "POST", "url": f"{effects.url}/post", "body": asked.prompt}),
            ("http_request", {"method": "GET", "url": f"{effects.url}/read"}),
        ]
        done = len(asked.results)
        if done < len(steps):
            return Call([steps[done]])
        return Say("unknown" if any("unknown" in result for result in asked.results) else "all done")

    return answer


@pytest.mark.timeout(60 + 3 * KILLS)
def test_runs_survive_kills_at_random_moments(make_server: Any) -> None:
    effects = Effects()
    model = Scripted(script(effects))
    env = {"ANTHROPIC_API_KEY": "test", "ANTHROPIC_BASE_URL": model.url, "AGENTOS_OUTBOUND_ALLOW": "127.0.0.0/8"}
    server = make_server(**env).start()
    try:
        key = server.credentials["workspace_key"]
        ws = Api(server.base, key)
        ws.rpc("tools_create_workspace", name="book", method="POST", url=f"{effects.url}/book", idempotent=True)
        agent = ws.rpc(
            "agents_create", name="busy", system_prompt="x", provider_type="anthropic", model="claude-busy", tools=["book", "http_request"]
        )["agent_id"]
        callers = Callers(server, key, agent)
        chance = random.Random(SEED)
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.05, 0.6))
            server.kill()
            server.start()
        callers.finish()
        calm = Callers(server, key, agent)
        eventually(lambda: len(calm.acknowledged) >= AT_ONCE, 60, what="runs that nothing disturbs")
        calm.finish()
        ws = Api(server.base, key)
        eventually(lambda: not ws.rpc("runs_list", status="running", limit=1), 60, what="the end of all runs")
        assert not callers.doubled and not calm.doubled
        check(ws, agent, callers.acknowledged | calm.acknowledged, set(calm.acknowledged), effects)
    finally:
        server.close()
        model.close()
        effects.close()


def check(ws: Api, agent: str, acknowledged: dict[str, str], undisturbed: set[str], effects: Effects) -> None:
    assert len(acknowledged) >= 2 * AT_ONCE
    books: dict[str, set[str | None]] = {}
    for effect in effects.at("/book"):
        books.setdefault(json.loads(effect.body)["order"], set()).add(effect.key)
    posts = Counter(effect.body.decode() for effect in effects.at("/post"))
    runs = {}
    cursor: dict[str, str] = {}
    while True:
        answer = ws.call("runs_list", agent_id=agent, limit=100, **cursor)
        runs |= {run["id"]: run for run in answer.json()["data"]}
        if not (following := answer.headers.get("x-next-cursor")):
            break
        cursor = {"cursor": following}
    assert Counter(run["status"] for run in runs.values()) == {"completed": len(runs)}
    assert set(runs) == set(acknowledged.values()), "each call is one run"
    lost = []
    for order, run_id in acknowledged.items():
        assert len(books[order]) == 1, f"the order {order} was booked under several keys"
        assert posts[order] <= 1, f"the order {order} was posted {posts[order]} times"
        if ws.run(run_id)["output"] == {"text": "unknown"}:
            assert order not in undisturbed, "an outcome is unknown though nothing was cut off"
        elif posts[order] != 1:
            lost.append(order)
    assert not lost, "posts are missing and nobody was told"
