"""kill -9 under load, again and again: whatever was acknowledged is on record once, in order, without gaps."""

from __future__ import annotations

import os
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from conftest import SEED
from kit.api import Api, data_of, eventually, new_id
from kit.server import Server

KILLS = int(os.environ.get("AGENTOS_TEST_KILLS", "20"))
WRITERS = 6


@dataclass
class Recorded:
    """What the server has acknowledged about one run, and what it may have stored beyond that."""

    external_id: str
    run_id: str | None = None
    emitted: list[dict[str, Any]] = field(default_factory=list)
    acknowledged: int = 0
    tasks: dict[str, str] = field(default_factory=dict)  # id -> acknowledged status
    output: dict[str, Any] | None = None  # of an acknowledged run/complete


class Gate:
    """Closed while the server is down or being checked."""

    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.open = False
        self.over = False
        self.waiting = 0

    def wait(self) -> bool:
        """Returns once the gate is open; False when there is nothing more to do."""
        with self.condition:
            self.waiting += 1
            self.condition.notify_all()
            self.condition.wait_for(lambda: self.open or self.over)
            self.waiting -= 1
            return not self.over

    def set(self, *, open: bool = False, over: bool = False) -> None:
        with self.condition:
            self.open, self.over = open, over
            self.condition.notify_all()


class Stopped(Exception):
    pass


class Writer(threading.Thread):
    """Reports runs as the official client does: a queue per run, one batch in flight, what failed goes back to its head."""

    def __init__(self, server: Server, gate: Gate, number: int) -> None:
        super().__init__(daemon=True, name=f"writer {number}")
        self.gate = gate
        self.chance = random.Random(SEED * 1000 + number)
        self.http = httpx.Client(base_url=server.base, timeout=30, trust_env=False)
        self.api = Api(server.base, server.credentials["reported_agent_key"], http=self.http)
        self.agent_id = server.credentials["reported_agent_id"]
        self.recorded: list[Recorded] = []
        self.batches = 0  # acknowledged ones
        self.resent = 0  # events that went out again after a kill
        self.failure: BaseException | None = None
        self.clock_us = number * 1_000_000

    def run(self) -> None:
        try:
            while self.gate.wait():
                self.report_a_run()
        except Stopped:
            pass
        except BaseException as failure:  # noqa: BLE001 - shown by the test
            self.failure = failure

    def call(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer's data, or None when the server went away: then only after it is back."""
        if not self.gate.wait():
            raise Stopped
        try:
            return data_of(self.api.ingest(path, body))
        except httpx.TransportError:
            return None

    def insist(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        while (data := self.call(path, body)) is None:
            pass
        return data

    def event(self, i: int) -> dict[str, Any]:
        self.clock_us += self.chance.randint(1, 900)
        at = f"2026-05-11T{8 + self.clock_us // 3_600_000_000:02d}:{self.clock_us // 60_000_000 % 60:02d}:"
        at += f"{self.clock_us // 1_000_000 % 60:02d}.{self.clock_us % 1_000_000:06d}Z"
        event = {
            "type": "step.completed",
            "level": "info",
            "payload": {"i": i, "text": f"{self.chance.getrandbits(256):x}"},
            "occurred_at": at,
        }
        if i % 7 == 3:
            event |= {"span_id": new_id(), "started_at": at, "ended_at": at, "duration_ms": 1, "kind": "step"}
        return event

    def report_a_run(self) -> None:
        run = Recorded(new_id())
        self.recorded.append(run)
        start = {"agent_id": self.agent_id, "external_run_id": run.external_id, "input": {"n": len(self.recorded)}}
        run.run_id = self.insist("run/start", start)["run_id"]
        task = new_id()
        self.put_task(run, task, "running")
        for _ in range(self.chance.randint(3, 12)):
            fresh = self.chance.randint(1, 60)
            run.emitted += [self.event(len(run.emitted) + i) for i in range(fresh)]
            self.flush(run)
        self.put_task(run, task, "completed")
        output = {"events": len(run.emitted)}
        self.insist("run/complete", {"run_id": run.run_id, "output": output})
        run.output = output

    def put_task(self, run: Recorded, task: str, status: str) -> None:
        self.insist("tasks", {"run_id": run.run_id, "task": {"id": task, "name": "load", "status": status}})
        run.tasks[task] = status

    def flush(self, run: Recorded) -> None:
        size = 50
        while run.acknowledged < len(run.emitted):
            batch = run.emitted[run.acknowledged : run.acknowledged + size]
            if self.call("events", {"run_id": run.run_id, "events": batch}) is not None:
                run.acknowledged += len(batch)
                self.batches += 1
                size = 50
                continue
            # The fate of this batch is unknown. Send it again in another cut: with more behind it, or in pieces.
            self.resent += len(batch)
            more = self.chance.randint(0, 40)
            run.emitted += [self.event(len(run.emitted) + i) for i in range(more)]
            size = self.chance.choice([7, 31, 50, 90, 140])


def check(ws: Api, run: Recorded) -> int:
    """Compares one run with the record; returns the number of its events."""
    if run.run_id is None:
        return 0
    events = ws.events(run.run_id)
    assert [e["sequence_number"] for e in events] == list(range(1, len(events) + 1)), f"gaps in run {run.run_id}"
    numbers = [e["payload"]["i"] for e in events]
    assert numbers == list(range(len(events))), f"run {run.run_id}: lost, repeated or out of order: {numbers}"
    assert run.acknowledged <= len(events) <= len(run.emitted), f"{run.acknowledged} acknowledged, {len(events)} stored"
    for stored, sent in zip(events, run.emitted):
        assert stored["payload"] == sent["payload"] and stored["span_id"] == sent.get("span_id")
    seen = ws.run(run.run_id)
    assert seen["event_count"] == len(events)
    assert seen["external_run_id"] == run.external_id
    final = ("completed", "failed", "skipped")
    tasks = {t["id"]: t["status"] for t in seen["tasks"]}
    for task, status in run.tasks.items():
        assert tasks[task] == status or (status == "running" and tasks[task] in final), f"task {task}: {tasks}"
    if run.output is not None:
        assert (seen["status"], seen["output"]) == ("completed", run.output)
    else:
        assert seen["status"] in ("running", "completed"), seen["status"]
    return len(events)


@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_or_doubled_by_kill_9(make_server):
    server = make_server().start()
    gate = Gate()
    writers = [Writer(server, gate, i) for i in range(WRITERS)]
    chance = random.Random(SEED)
    for writer in writers:
        writer.start()

    def acknowledged_batches() -> int:
        for writer in writers:
            assert writer.failure is None, f"{writer.name}: {writer.failure!r}"
        return sum(writer.batches for writer in writers)

    try:
        for kill in range(1, KILLS + 1):
            target = acknowledged_batches() + chance.randint(5, 80)
            gate.set(open=True)
            eventually(lambda: acknowledged_batches() >= target, 60, every=0.0005, what="the writers to get on")
            server.kill()
            gate.set(open=False)
            eventually(lambda: gate.waiting == WRITERS, 40, what="every writer to notice")
            server.start()
            ws = Api(server.base, server.credentials["workspace_key"])
            stored = sum(check(ws, run) for writer in writers for run in list(writer.recorded))
            ws.http.close()
            assert stored >= sum(run.acknowledged for writer in writers for run in writer.recorded), f"kill {kill}"

        # And they go on after the last kill.
        gate.set(open=True)
        target = acknowledged_batches() + 5 * WRITERS
        eventually(lambda: acknowledged_batches() >= target, 60, what="the writers to get on")
    finally:
        gate.set(over=True)
        for writer in writers:
            writer.join(40)
    assert acknowledged_batches() and not any(writer.is_alive() for writer in writers)
    ws = Api(server.base, server.credentials["workspace_key"])
    rep = Api(server.base, server.credentials["reported_agent_key"])
    runs = [run for writer in writers for run in writer.recorded]
    assert len({run.run_id for run in runs}) == len(runs)
    for run in runs:
        check(ws, run)
        # A start that was repeated after a kill has found its run again.
        fields = {"external_run_id": run.external_id}
        assert rep.start_run(server.credentials["reported_agent_id"], **fields) == run.run_id or run.run_id is None
    assert sum(writer.resent for writer in writers) > 0, "no kill has hit a batch in flight: the test proves nothing"
    assert server.stop() == 0
    assert server.integrity() == "ok"


@pytest.mark.timeout(300)
def test_a_revoked_key_and_a_new_key_survive_a_kill(make_server):
    server = make_server().start()
    ws = Api(server.base, server.credentials["workspace_key"])
    agent = server.credentials["reported_agent_id"]
    kept = ws.rpc("api_keys_create", agent_id=agent, name="kept")
    dropped = ws.rpc("api_keys_create", agent_id=agent, name="dropped")
    ws.rpc("api_keys_revoke", key_id=dropped.get("key_id") or dropped["id"])
    server.kill()
    server.start()
    fresh = Api(server.base, kept["api_key"])
    fresh.start_run(agent)
    refused = fresh.with_key(dropped["api_key"]).ingest("run/start", {"agent_id": agent})
    assert refused.status_code == 401, refused.text


@pytest.mark.timeout(300)
def test_an_open_question_survives_a_kill_and_its_answer_too(make_server):
    server = make_server(AGENTOS_HUMAN_INPUT_POLL_SECONDS="1").start()
    creds = server.credentials

    def clients() -> tuple[Api, Api]:
        return Api(server.base, creds["reported_agent_key"]), Api(server.base, creds["workspace_key"])

    rep, ws = clients()
    run_id = rep.start_run(creds["reported_agent_id"])
    question = {"run_id": run_id, "prompt": "Go on?", "timeout_seconds": 600}
    request_id = data_of(rep.ingest("human-input/request", question), 202)["request_id"]
    server.kill()
    server.start()
    rep, ws = clients()
    again = data_of(rep.ingest("human-input/request", question | {"request_id": request_id}), 202)
    assert again == {"request_id": request_id, "status": "pending"}
    data_of(ws.post(f"/api/v1/runs/{run_id}/human-input", {"response": "yes"}))
    server.kill()
    server.start()
    rep, ws = clients()
    answered = data_of(rep.ingest("human-input/request", question | {"request_id": request_id}))
    assert answered == {"request_id": request_id, "input": "yes"}


@pytest.mark.timeout(300)
def test_invokes_that_were_answered_are_on_record_after_a_kill(make_server):
    server = make_server().start()
    creds = server.credentials
    answered: list[tuple[str, Any]] = []
    threads = []
    for number in range(4):
        hosted = Api(server.base, creds["hosted_agent_key"], http=httpx.Client(base_url=server.base, timeout=30, trust_env=False))

        def invoke(api: Api = hosted, number: int = number) -> None:
            deadline = time.monotonic() + 60
            try:
                while time.monotonic() < deadline:
                    data = data_of(api.invoke(creds["hosted_agent_id"], {"input": {"message": f"hello {number}"}}))
                    answered.append((data["run_id"], data["output"]))
            except httpx.TransportError:
                return

        threads.append(threading.Thread(target=invoke, daemon=True))
        threads[-1].start()
    eventually(lambda: len(answered) >= 40, 60, every=0.001)
    server.kill()
    for thread in threads:
        thread.join(40)
    server.start()
    ws = Api(server.base, creds["workspace_key"])
    assert len({run_id for run_id, _ in answered}) == len(answered)
    for run_id, output in answered:
        run = ws.run(run_id)
        assert (run["status"], run["output"]) == ("completed", output)
        events = ws.events(run_id)
        assert [e["sequence_number"] for e in events] == list(range(1, len(events) + 1))
        assert {"run.started", "run.completed"} <= {e["type"] for e in events}
    running = ws.rpc("runs_list", agent_id=creds["hosted_agent_id"], status="running", limit=100)
    assert running == [], "a hosted run that was cut off does not stay running"
