"""Tools of MCP servers: servers made with the official library, used by agents whose model is scripted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from conftest import UNLIMITED
from kit.api import Api, data_of, error_of, eventually, is_time, is_uuid, new_id
from kit.mcp_peer import McpPeer, calculator, paged
from kit.scripted import Answer, Asked, Call, Say, Scripted
from kit.server import Server, free_port


class World:
    """A server, its model, and what the model calls before it says what came back."""

    def __init__(self) -> None:
        self.script: list[tuple[str, dict[str, Any]]] = []
        self.model = Scripted(self.answer)
        model = {"ANTHROPIC_API_KEY": "test", "ANTHROPIC_BASE_URL": self.model.url}
        self.server = Server(UNLIMITED | model | {"AGENTOS_OUTBOUND_ALLOW": "127.0.0.0/8"}).start()
        self.ws = Api(self.server.base, self.server.credentials["workspace_key"])

    def answer(self, asked: Asked) -> Answer:
        done = len(asked.results)
        return Call([self.script[done]]) if done < len(self.script) else Say(" | ".join(asked.results))

    def create(self, peer: McpPeer, **parameters: Any) -> dict[str, Any]:
        return self.ws.rpc("mcp_servers_create", name=f"calc-{new_id()[:8]}", url=peer.url, **parameters)

    def listed(self, server_id: str) -> dict[str, Any]:
        return next(server for server in self.ws.rpc("mcp_servers_list") if server["id"] == server_id)

    def agent(self, *tools: str) -> str:
        made = self.ws.rpc(
            "agents_create", name=f"agent-{new_id()[:8]}", system_prompt="x", provider_type="anthropic",
            model="claude-x", tools=list(tools),
        )  # fmt: skip
        return made["agent_id"]

    def invoke(self, agent: str, *script: tuple[str, dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
        """What the model heard from its tools, and the run's events."""
        self.script = list(script)
        run = data_of(self.ws.invoke(agent, {"input": {"q": "go"}}))
        assert self.ws.run(run["run_id"])["status"] == "completed"
        return run["output"]["text"], self.ws.events(run["run_id"])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    try:
        yield made
    finally:
        made.server.close()
        made.model.close()


@pytest.fixture
def peer() -> Iterator[Callable[..., McpPeer]]:
    """Makes MCP servers; a calculator unless told otherwise."""
    made: list[McpPeer] = []

    def make(build: Callable[[McpPeer], Any] = calculator, token: str | None = None) -> McpPeer:
        made.append(McpPeer(build, token))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def types_of(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


# ── the servers of a workspace ───────────────────────────────────────────────


def test_a_server_is_created_with_its_tools_listed_and_deleted(world, peer):
    calc = peer()
    made = world.create(calc)
    assert made["ok"] is True and is_uuid(made["id"]) and made["mcp_server_id"] == made["id"]
    assert sorted(made["tools"]) == [f"mcp_{made['name']}_add", f"mcp_{made['name']}_explode"]
    server = world.listed(made["id"])
    assert server["url"] == calc.url and server["has_auth"] is False and server["last_error"] is None
    assert is_time(server["refreshed_at"]) and is_time(server["created_at"])
    add = next(tool for tool in server["tools"] if tool["tool"] == "add")
    assert add["name"] == f"mcp_{made['name']}_add" and add["description"] == "Adds two numbers."
    assert add["read_only"] is False
    assert data_of(world.ws.call("mcp_servers_delete", mcp_server_id=made["id"]))["ok"] is True
    assert made["id"] not in [server["id"] for server in world.ws.rpc("mcp_servers_list")]
    error_of(world.ws.call("mcp_servers_delete", mcp_server_id=made["id"]), "NOT_FOUND")
    error_of(world.ws.call("mcp_servers_refresh", mcp_server_id=made["id"]), "NOT_FOUND")


def test_a_name_can_be_used_once(world, peer):
    calc = peer()
    made = world.create(calc)
    error_of(world.ws.call("mcp_servers_create", name=made["name"], url=calc.url), "CONFLICT")
    world.ws.rpc("mcp_servers_delete", mcp_server_id=made["id"])
    data_of(world.ws.call("mcp_servers_create", name=made["name"], url=calc.url))


@pytest.mark.parametrize("name", ["", "1st", "with blank", "dot.dot", "ümlaut", "x" * 41])
def test_a_name_that_cannot_be_part_of_a_tools_name_is_refused(world, name):
    error = error_of(world.ws.call("mcp_servers_create", name=name, url="http://127.0.0.1:9/mcp"), "VALIDATION_ERROR")
    assert "name" in error["message"]


def test_a_refresh_finds_new_tools_and_loses_old_ones(world, peer):
    extra: list[str | None] = ["first"]
    calc = peer(lambda one: calculator(one, more=extra[0]))
    made = world.create(calc)
    first = next(tool for tool in world.listed(made["id"])["tools"] if tool["tool"] == "first")
    assert first["read_only"] is True
    extra[0] = "second"
    calc.restart()
    refreshed = world.ws.rpc("mcp_servers_refresh", mcp_server_id=made["id"])
    assert sorted(tool["tool"] for tool in refreshed["tools"]) == ["add", "explode", "second"]
    assert world.listed(made["id"])["tools"] == refreshed["tools"]
    name = f"mcp_{made['name']}_second"
    text, _ = world.invoke(world.agent(name), (name, {}))
    assert text == "read"


def test_a_refresh_that_fails_keeps_the_tools_and_says_why(world, peer):
    calc = peer()
    made = world.create(calc)
    calc.stop()
    error_of(world.ws.call("mcp_servers_refresh", mcp_server_id=made["id"]), "CONFLICT")
    server = world.listed(made["id"])
    assert len(server["tools"]) == 2 and server["last_error"]
    calc.start()
    assert world.ws.rpc("mcp_servers_refresh", mcp_server_id=made["id"])["last_error"] is None


def test_all_pages_of_tools_are_found_and_the_last_one_can_be_called(world, peer):
    many = peer(partial(paged, count=57, per_page=10))
    made = world.create(many)
    assert made["tools"] == [f"mcp_{made['name']}_tool_{n}" for n in range(57)]
    text, _ = world.invoke(world.agent(made["tools"][56]), (made["tools"][56], {"x": 1}))
    assert text == "tool_56 was called" and many.calls == [("tool_56", {"x": 1})]


# ── what cannot be reached ───────────────────────────────────────────────────


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{free}/mcp",
        "http://10.1.2.3/mcp",
        "ftp://127.0.0.1/mcp",
        "not a url",
        "http://nowhere.invalid/mcp",
    ],
)
def test_a_server_that_cannot_be_reached_is_refused_naming_url(world, url):
    answer = world.ws.call("mcp_servers_create", name=f"x{new_id()[:6]}", url=url.format(free=free_port()))
    error = error_of(answer, "VALIDATION_ERROR")
    assert error["message"].startswith("url")


def test_an_http_server_that_speaks_no_mcp_is_refused_naming_url(world):
    answer = world.ws.call("mcp_servers_create", name=f"x{new_id()[:6]}", url=world.server.base + "/healthz")
    assert error_of(answer, "VALIDATION_ERROR")["message"].startswith("url")


def test_a_bearer_token_is_sent_and_never_shown(world, peer):
    guarded = peer(token="s3cret-4711")
    for secret in ({}, {"auth_secret": "wrong"}):
        answer = world.ws.call("mcp_servers_create", name=f"x{new_id()[:6]}", url=guarded.url, **secret)
        error = error_of(answer, "VALIDATION_ERROR")
        assert error["message"].startswith("url") and "token" in error["message"]
    made = world.create(guarded, auth_secret="s3cret-4711")
    server = world.listed(made["id"])
    assert server["has_auth"] is True and "s3cret-4711" not in str(server)
    name = f"mcp_{made['name']}_add"
    text, events = world.invoke(world.agent(name), (name, {"a": 1, "b": 2}))
    assert text == "3" and "s3cret-4711" not in str(events)


# ── agents that use them ─────────────────────────────────────────────────────


@pytest.mark.parametrize("stateless", [False, True], ids=["stateful", "stateless"])
@pytest.mark.parametrize("json", [False, True], ids=["stream", "json"])
def test_a_tool_is_called_with_the_models_arguments(world, peer, stateless, json):
    calc = peer(partial(calculator, stateless=stateless, json=json))
    made = world.create(calc)
    name = f"mcp_{made['name']}_add"
    text, events = world.invoke(world.agent(name), (name, {"a": 2, "b": 40}), (name, {"a": 1, "b": 1}))
    assert text == "42 | 2" and calc.calls == [("add", {"a": 2, "b": 40}), ("add", {"a": 1, "b": 1})]
    assert types_of(events).count("tool.returned") == 2
    assert bool(calc.sessions) is not stateless


def test_each_call_carries_a_key_of_its_own(world, peer):
    calc = peer()
    made = world.create(calc)
    name = f"mcp_{made['name']}_add"
    world.invoke(world.agent(name), (name, {"a": 1, "b": 1}), (name, {"a": 1, "b": 1}))
    keys = [headers["idempotency-key"] for headers in calc.requests if "idempotency-key" in headers]
    assert len(keys) == 2 and len(set(keys)) == 2


def test_a_tool_that_fails_tells_the_model_why(world, peer):
    made = world.create(peer())
    name = f"mcp_{made['name']}_explode"
    text, events = world.invoke(world.agent(name), (name, {}))
    assert "boom" in text and "tool.failed" in types_of(events)


@pytest.mark.parametrize("arguments", [{"a": 1}, {"a": "one", "b": 2}])
def test_arguments_that_break_the_tools_schema_go_back_to_the_model_and_not_to_the_server(world, peer, arguments):
    calc = peer()
    made = world.create(calc)
    name = f"mcp_{made['name']}_add"
    text, events = world.invoke(world.agent(name), (name, arguments), (name, {"a": 1, "b": 2}))
    wrong, _, right = text.partition(" | ")
    assert "not valid" in wrong and right == "3"
    assert calc.calls == [("add", {"a": 1, "b": 2})]
    assert types_of(events).count("tool.failed") == 1


def test_a_server_that_restarts_and_forgets_its_session_is_used_again(world, peer):
    calc = peer()
    made = world.create(calc)
    name = f"mcp_{made['name']}_add"
    agent = world.agent(name)
    assert world.invoke(agent, (name, {"a": 1, "b": 1}))[0] == "2"
    before = calc.sessions
    calc.restart()
    text, events = world.invoke(agent, (name, {"a": 2, "b": 2}))
    assert text == "4" and "tool.failed" not in types_of(events)
    assert calc.calls == [("add", {"a": 1, "b": 1}), ("add", {"a": 2, "b": 2})]
    assert calc.sessions - before, "there is no new session"


def test_a_server_that_vanished_is_a_failed_tool_and_not_a_failed_run(world, peer):
    calc = peer()
    made = world.create(calc)
    name = f"mcp_{made['name']}_add"
    agent = world.agent(name)
    calc.stop()
    text, events = world.invoke(agent, (name, {"a": 1, "b": 1}))
    assert made["name"] in text and "tool.failed" in types_of(events)
    calc.start()
    assert world.invoke(agent, (name, {"a": 1, "b": 1}))[0] == "2"


def test_an_agent_loses_the_tools_of_a_deleted_server(world, peer):
    calc = peer()
    made = world.create(calc)
    name = f"mcp_{made['name']}_add"
    agent = world.agent(name)
    world.ws.rpc("mcp_servers_delete", mcp_server_id=made["id"])
    text, _ = world.invoke(agent, (name, {"a": 1, "b": 1}))
    assert name in text and calc.calls == []
    answer = world.ws.call("agents_update", agent_id=agent, tools=[name, "calculate"])
    assert name in error_of(answer, "VALIDATION_ERROR")["message"]


def test_calls_of_mcp_tools_can_wait_for_a_yes_and_are_stubbed_in_test_runs(world, peer):
    calc = peer()
    made = world.create(calc)
    name = f"mcp_{made['name']}_add"
    agent = world.agent(name)
    world.script = [(name, {"a": 1, "b": 2})]
    stubbed = data_of(world.ws.invoke(agent, {"test": True}))
    assert stubbed["output"]["stubbed"] is True and calc.calls == []
    data_of(world.ws.call("agents_update", agent_id=agent, approval_tools=[name]))
    run = data_of(world.ws.invoke(agent, {}), 202)
    assert calc.calls == []
    world.ws.rpc("approvals_decide", approval_id=run["awaiting_approval"]["approval_id"], decision="approved")
    ended = eventually(lambda: (now := world.ws.run(run["run_id"]))["completed_at"] and now, what="the end of the run")
    assert ended["output"] == {"text": "3"} and calc.calls == [("add", {"a": 1, "b": 2})]
