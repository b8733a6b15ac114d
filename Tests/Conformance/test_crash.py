"""The crash matrix: the server is killed at every place between two commits or effects of a hosted run, in every kind of
run, and started again. The record in the end is that of a run nobody disturbed, and no effect is lost or doubled."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import UNLIMITED
from kit.api import Api, data_of, new_id
from kit.scripted import Answer, Asked, Call, Effects, Frames, Say, Scripted
from kit.server import Server

SCENARIOS = ["plain", "tool", "parallel", "approval", "question", "child", "stream"]
TOOLS = {
    "plain": [], "tool": ["book", "http_request"], "parallel": ["book", "http_request", "current_time"],
    "approval": ["http_request"], "question": ["ask_human"], "child": ["invoke_agent"], "grandchild": ["book"],
    "stream": ["book"],
}  # fmt: skip


@dataclass
class World:
    """Where all cases take place: a model, the tools' effects, and a data folder that every case starts from."""

    model: Scripted
    effects: Effects
    folder: Path
    credentials: dict[str, str]
    agents: dict[str, str]
    env: dict[str, str]

    def server(self, **env: str) -> Server:
        server = Server({**UNLIMITED, **self.env, **env})
        shutil.copytree(self.folder, server.data)
        server.credentials = self.credentials
        return server


def script(effects: Effects, agents: dict[str, str]) -> Any:
    def answer(asked: Asked) -> Answer:
        done = len(asked.results)
        post = ("http_request", {"method": "POST", "url": f"{effects.url}/post", "body": "x"})
        match asked.model.removeprefix("claude-"):
            case "tool":
                steps = [("book", {"n": 1}), post]
                return Call([steps[done]]) if done < 2 else Say("both done")
            case "parallel":
                return Say("all done") if done else Call([("book", {"n": 1}), post, ("book", {"n": 2}), ("current_time", {})])
            case "approval":
                return Say("sent") if done else Call([post])
            case "question":
                return Say("thanks") if done else Call([("ask_human", {"question": "Which?"})])
            case "child":
                return Say("over") if done else Call([("invoke_agent", {"agent_id": agents["grandchild"], "input": {"q": "go"}})])
            case "grandchild":
                return Say("booked") if done else Call([("book", {"n": 7})])
            case "stream":
                return Say("one two three four", pieces=4) if done else Call([("book", {"n": 1})])
            case _:
                return Say("hello")

    return answer


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    effects, agents = Effects(), {}
    model = Scripted(script(effects, agents))
    env = {
        "ANTHROPIC_API_KEY": "test", "ANTHROPIC_BASE_URL": model.url, "AGENTOS_OUTBOUND_ALLOW": "127.0.0.0/8",
    }  # fmt: skip
    server = Server({**UNLIMITED, **env}).start()
    try:
        ws = Api(server.base, server.credentials["workspace_key"])
        ws.rpc("tools_create_workspace", name="book", method="POST", url=f"{effects.url}/book", idempotent=True)
        for name, tools in TOOLS.items():
            gated = {"approval_tools": ["http_request"]} if name == "approval" else {}
            made = ws.rpc(
                "agents_create", name=name, system_prompt="x", provider_type="anthropic", model=f"claude-{name}", tools=tools, **gated
            )
            agents[name] = made["agent_id"]
        server.stop()
        yield World(model, effects, server.data, server.credentials, agents, env)
    finally:
        server.close()
        model.close()
        effects.close()


@dataclass
class Record:
    """What is left of a run when all is over."""

    status: str
    output: Any
    events: Counter[str]
    results: list[str]
    books: int
    book_keys: int
    posts: int
    text: str
    runs: int

    @property
    def is_unknown(self) -> bool:
        return any("unknown" in result for result in self.results)


class Drive:
    """A caller that does not give up: it repeats its call, approves, answers, reconnects, and starts a dead server again."""

    def __init__(self, world: World, scenario: str, server: Server) -> None:
        self.world, self.scenario, self.server = world, scenario, server
        self.key = new_id()
        self.frames = Frames()
        self.restarts = 0

    @property
    def ws(self) -> Api:
        return Api(self.server.base, self.world.credentials["workspace_key"], timeout=20)

    def revive(self) -> None:
        """After a broken connection: the server died, or is about to."""
        assert self.server.process is not None
        self.server.process.wait(10)
        self.restarts += 1
        assert self.restarts == 1, f"the server died twice:\n{self.server.tail()}"
        self.server.env = {k: v for k, v in self.server.env.items() if not k.startswith("AGENTOS_CRASH")}
        self.server.start()

    def patiently(self, call: Any) -> Any:
        while True:
            try:
                return call()
            except httpx.TransportError:
                self.revive()

    def begin(self) -> str:
        agent = self.world.agents[self.scenario]
        path, headers = f"/api/v1/agents/{agent}/invoke", {"idempotency-key": self.key}
        if self.scenario == "stream":
            return self.stream(path, headers)
        answer = self.ws.post(path, {"input": {"q": "go"}, "background": True}, headers)
        # Sent again when the run is over, it is answered with what came of it.
        return data_of(answer, 200 if answer.status_code == 200 else 202)["run_id"]

    def stream(self, path: str, headers: dict[str, str]) -> str:
        ws = self.ws
        run_id: str | None = None
        try:
            with ws.http.stream("POST", path, json={"input": {"q": "go"}, "stream": True}, headers=ws.headers(**headers)) as answer:
                assert answer.status_code == 200, answer.read()
                self.frames.take(answer.iter_lines())
        except httpx.TransportError:
            self.revive()
        runs = self.ws.rpc("runs_list", agent_id=self.world.agents["stream"])
        run_id = runs[0]["id"] if runs else None
        return run_id or self.stream(path, headers)

    def reconnect(self, run_id: str) -> None:
        ws = self.ws
        after = {"last-event-id": self.frames.last} if self.frames.last else {}
        with ws.http.stream("GET", f"/api/v1/runs/{run_id}/stream", headers=ws.headers(**after), timeout=20) as answer:
            assert answer.status_code == 200, answer.read()
            self.frames.take(answer.iter_lines())

    def step(self, run_id: str) -> dict[str, Any] | None:
        """Does what the run waits for; the run when it is over."""
        ws = self.ws
        if self.scenario == "stream" and self.frames.ended is None:
            self.reconnect(run_id)
        run = ws.run(run_id)
        if run["status"] == "awaiting_approval":
            # A decision that was made but not acknowledged is a conflict now.
            answer = ws.call("approvals_decide", approval_id=run["awaiting_approval"]["approval_id"], decision="approved")
            assert answer.status_code in (200, 409), answer.text
        elif run["status"] == "awaiting_input":
            answer = ws.post(f"/api/v1/runs/{run_id}/reply", {"request_id": run["awaiting_input"]["request_id"], "response": "this"})
            assert answer.status_code in (200, 409), answer.text
        elif run["status"] != "running":
            return run
        return None

    def to_the_end(self) -> Record:
        run_id = self.patiently(self.begin)
        deadline = time.monotonic() + 30
        while not (run := self.patiently(lambda: self.step(run_id))):
            assert time.monotonic() < deadline, f"the run {run_id} does not end:\n{self.server.tail()}"
            time.sleep(0.02)
        if self.server.process is not None and self.server.process.poll() is not None:
            self.revive()  # killed behind the last commit
        # The same call once more is the same run, not another one.
        read, self.frames = self.frames, Frames()
        again = self.patiently(self.begin)
        assert again == run_id
        if self.scenario == "stream":
            assert self.frames.text == read.text, "another reader reads something else"
        ws, effects = self.ws, self.world.effects
        events = [e for e in ws.events(run_id) if e["type"] != "run.resumed"]
        books = effects.at("/book")
        asked = [a for a in self.world.model.asked if a.model == f"claude-{self.scenario}"]
        return Record(
            status=run["status"], output=run["output"], events=Counter(e["type"] for e in events),
            results=max((a.results for a in asked), key=len, default=[]), books=len({(b.key, b.body) for b in books}),
            book_keys=len({b.key for b in books}), posts=len(effects.at("/post")), text=read.text,
            runs=len(ws.rpc("runs_list", limit=100)),
        )  # fmt: skip


def play(world: World, scenario: str, **env: str) -> tuple[Record, Drive]:
    world.model.clear()
    world.effects.clear()
    server = world.server(**env)
    try:
        drive = Drive(world, scenario, server.start())
        return drive.to_the_end(), drive
    finally:
        server.kill()
        server.close()


def differences(calm: Record, record: Record) -> list[str]:
    found = []
    for name in ("status", "output", "books", "book_keys", "text", "runs"):
        if getattr(calm, name) != getattr(record, name):
            found.append(f"{name}: {getattr(record, name)!r} instead of {getattr(calm, name)!r}")
    if record.posts > calm.posts:
        found.append(f"a call that must not be repeated was made {record.posts} times")
    if record.posts < calm.posts and not record.is_unknown:
        found.append("an effect is missing and nobody was told")
    events = record.events
    if record.is_unknown:
        # The call that was cut off is told as failed.
        events = events - Counter({"tool.failed": 1}) + Counter({"tool.returned": 1})
    if events != calm.events:
        found.append(f"events: {dict(events - calm.events)} too many, {dict(calm.events - events)} missing")
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_run_survives_a_kill_at_every_place(world: World, scenario: str, tmp_path: Path) -> None:
    log = tmp_path / "places"
    calm, _ = play(world, scenario, AGENTOS_CRASH_LOG=str(log))
    assert calm.status == "completed" and not calm.is_unknown
    places = log.read_text().split("\n")[:-1]
    passed: Counter[str] = Counter()
    faults = []
    for place in places:
        passed[place] += 1
        at = f"{place}:{passed[place]}"
        try:
            record, drive = play(world, scenario, AGENTOS_CRASH_AT=at)
        except Exception as error:
            faults.append(f"{at}: {type(error).__name__}: {error}")
            continue
        if drive.restarts != 1:
            faults.append(f"{at}: the server was not killed")
        if record.is_unknown and "tool" not in place:
            faults.append(f"{at}: a call's outcome is said to be unknown")
        faults += [f"{at}: {difference}" for difference in differences(calm, record)]
    assert not faults, "\n" + "\n".join(faults)
    assert len(places) >= 6, places
