"""The command: pauses, replies, cancels, replays, watching, and agents applied from files."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kit.api import Api, eventually, is_uuid, new_id
from kit.server import Server

OK, FAILED, USAGE, NOT_AUTHORISED, NOT_FOUND = range(5)


class Peer:
    """An OpenAI model that does what the user's text says, and an MCP server at /mcp with one tool.

    `call TOOL JSON` makes it call the tool and tell what came back, with ` + ` between calls of one turn and ` > ` between
    turns. Everything else is answered with the model's name and the text.
    """

    def __init__(self) -> None:
        peer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or "{}")
                if self.path == "/mcp":
                    return self.mcp(body)
                message = peer.answer(body)
                if body.get("stream"):
                    return self.send("text/event-stream", peer.events(message))
                choice = {"index": 0, "message": message, "finish_reason": peer.reason(message)}
                self.send("application/json", json.dumps({"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 3}}))

            def mcp(self, body: dict[str, Any]) -> None:
                if "id" not in body:
                    return self.send("application/json", "", 202)
                results = {
                    "initialize": {"protocolVersion": body.get("params", {}).get("protocolVersion", "2025-06-18"), "capabilities": {"tools": {}}, "serverInfo": {"name": "peer", "version": "1"}},
                    "tools/list": {"tools": [{"name": "look", "description": "Looks.", "inputSchema": {"type": "object"}}]},
                }
                self.send("application/json", json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": results.get(body.get("method"), {})}))

            def do_DELETE(self) -> None:
                self.send("application/json", "", 200)

            def do_GET(self) -> None:
                self.send("application/json", "", 405)

            def send(self, kind: str, text: str, status: int = 200) -> None:
                content = text.encode()
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        messages = request["messages"]
        said = next(m["content"] for m in reversed(messages) if m["role"] == "user")
        said = said if isinstance(said, str) else "".join(part.get("text", "") for part in said)
        if not said.startswith("call "):
            return {"role": "assistant", "content": f"{request['model']} heard {said}"}
        turns = said.removeprefix("call ").split(" > ")
        since = messages[max(i for i, m in enumerate(messages) if m["role"] == "user") :]
        turn = sum(m["role"] == "assistant" for m in since)
        if turn == len(turns):
            return {"role": "assistant", "content": f"The tool said {messages[-1]['content']}"}
        calls = [call.split(" ", 1) for call in turns[turn].split(" + ")]
        asked = [{"id": f"call_{new_id()[:8]}", "type": "function", "function": {"name": n, "arguments": a}} for n, a in calls]
        return {"role": "assistant", "content": None, "tool_calls": asked}

    @staticmethod
    def reason(message: dict[str, Any]) -> str:
        return "tool_calls" if message.get("tool_calls") else "stop"

    def events(self, message: dict[str, Any]) -> str:
        delta: dict[str, Any] = {"role": "assistant"}
        if message.get("content"):
            delta["content"] = message["content"]
        if message.get("tool_calls"):
            delta["tool_calls"] = [{"index": i, **call} for i, call in enumerate(message["tool_calls"])]
        frames = [
            {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": self.reason(message)}]},
            {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3}},
        ]
        return "".join(f"data: {json.dumps(frame)}\n\n" for frame in frames) + "data: [DONE]\n\n"

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


class Cli:
    """The command, bound to a server and a key."""

    def __init__(self, server: Server, key: str) -> None:
        self.server = server
        self.key = key

    def __call__(self, *arguments: str, code: int = OK, key: str | None = None) -> subprocess.CompletedProcess[str]:
        done = self.server.cli(*arguments, "--url", self.server.base, "--key", key or self.key)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
        if code != OK:
            assert done.stderr.strip() and len(done.stderr.strip().splitlines()) == 1, f"one line: {done.stderr!r}"
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json").stdout)

    def open(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.server.binary, *arguments, "--url", self.server.base, "--key", self.key],
            env=self.server.env, cwd=self.server.home, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture(scope="module")
def home(peer: Peer) -> Iterator[Server]:
    env = {f"AGENTOS_RATE_LIMIT_{kind}": "0" for kind in ("INGEST", "INVOKE", "CONTROL", "AUTH")}
    server = Server(env | {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": f"{peer.base}/v1", "AGENTOS_OUTBOUND_ALLOW": "127.0.0.0/8"})
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def cli(home: Server) -> Cli:
    return Cli(home, home.credentials["workspace_key"])


@pytest.fixture
def api(home: Server) -> Api:
    return Api(home.base, home.credentials["workspace_key"])


@pytest.fixture
def agent(api: Api) -> str:
    """An agent that may calculate when somebody approves, and ask people."""
    name = f"Careful {new_id()[:8]}"
    api.rpc(
        "agents_create", name=name, system_prompt="Do as told.", provider_type="openai", model="scripted",
        tools=["calculate", "ask_human"], approval_tools=["calculate"],
    )  # fmt: skip
    return name


def paused(cli: Cli, agent: str) -> tuple[str, str]:
    """A run that waits for an approval: run and approval."""
    answer = cli.json("invoke", agent, 'call calculate {"expression": "6*7"}')
    return answer["run_id"], answer["awaiting_approval"]["approval_id"]


def ended(api: Api, run: str) -> dict[str, Any]:
    return eventually(lambda: (r := api.run(run))["status"] != "running" and r, what="the run to end")


# ── approvals ────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("extra", [(), ("--stream",)])
def test_a_pause_is_told_with_the_command_that_answers_it(cli, agent, extra):
    done = cli("invoke", agent, 'call calculate {"expression": "6*7"}', *extra)
    assert done.stdout.strip() == ""
    (line,) = [line for line in done.stderr.splitlines() if "approvals approve" in line]
    approval = line.split()[-1]
    assert "calculate" in done.stderr and "6*7" in done.stderr
    assert is_uuid(approval) and f"approvals reject {approval}" in done.stderr
    done = cli("approvals", "approve", approval, "--wait")
    assert "42" in done.stdout, done


def test_approvals_are_listed_and_approved(cli, api, agent):
    run, approval = paused(cli, agent)
    (row,) = [row for row in cli.json("approvals", "list", "--agent", agent) if row["approval_id"] == approval]
    assert row["tool"] == "calculate" and row["run_id"] == run and row["input"] == {"expression": "6*7"}
    assert approval in cli("approvals", "list").stdout
    assert cli.json("approvals", "approve", approval, "--note", "fine")["status"] == "approved"
    assert ended(api, run)["status"] == "completed"
    assert cli.json("approvals", "list", "--agent", agent) == []
    assert "decision" in json.dumps([e for e in api.events(run) if e["type"] == "approval.decided"])
    cli("approvals", "approve", approval, code=FAILED)


def test_changed_arguments_are_what_the_tool_is_called_with(cli, agent):
    _, approval = paused(cli, agent)
    done = cli("approvals", "approve", approval, "--arguments", '{"expression": "10*10"}', "--wait")
    assert "100" in done.stdout


def test_arguments_have_to_be_an_object(cli, agent):
    _, approval = paused(cli, agent)
    cli("approvals", "approve", approval, "--arguments", "[1]", code=USAGE)
    cli("approvals", "approve", approval, "--arguments", "{nonsense", code=USAGE)
    cli("approvals", "reject", approval)


def test_a_rejected_call_fails_the_run(cli, api, agent):
    run, approval = paused(cli, agent)
    assert approval in cli("approvals", "reject", approval, "--note", "not today").stdout
    assert ended(api, run)["status"] == "failed"


def test_waiting_for_a_run_that_waits_again_tells_so(cli, agent):
    answer = cli.json("invoke", agent, 'call calculate {"expression": "1+1"} > ask_human {"question": "Really?"}')
    done = cli("approvals", "approve", answer["awaiting_approval"]["approval_id"], "--wait")
    assert done.stdout == "" and "Really?" in done.stderr and f"agentos reply {answer['run_id']}" in done.stderr
    assert "The tool said yes" in cli("reply", answer["run_id"], "yes").stdout


def test_of_two_calls_each_is_decided_and_the_other_is_told(cli, agent):
    answer = cli.json("invoke", agent, 'call calculate {"expression": "1+1"} + calculate {"expression": "2+3"}')
    first, second = [row["approval_id"] for row in cli.json("approvals", "list", "--agent", agent)]
    watcher = cli.open("runs", "watch", answer["run_id"])
    assert first in cli("approvals", "approve", second, "--wait").stderr
    assert "The tool said" in cli("approvals", "approve", first, "--wait").stdout
    out, err = watcher.communicate(timeout=30)
    assert watcher.returncode == 0 and "The tool said" in out and (first in err or second in err), (out, err)


# ── questions ────────────────────────────────────────────────────────────────


def test_a_question_is_told_and_answered(cli, api, agent):
    done = cli("invoke", agent, 'call ask_human {"question": "Which colour?", "options": ["red", "blue"]}')
    assert "Which colour?" in done.stderr and "red" in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "agentos reply" in line]
    run = line.split("agentos reply ")[1].split()[0]
    done = cli("reply", run, "blue")
    assert "blue" in done.stdout
    assert api.run(run)["status"] == "completed"
    cli("reply", run, "blue", code=FAILED)


def test_a_question_is_answered_by_its_id(cli, agent):
    answer = cli.json("invoke", agent, 'call ask_human {"question": "Why?"}')
    run, request = answer["run_id"], answer["awaiting_input"]["request_id"]
    cli("reply", run, "x", "--request", new_id(), code=FAILED)
    result = cli.json("reply", run, "because", "--request", request)
    assert result["run_id"] == run and "because" in json.dumps(result["output"])


# ── background, repeats, cancels, replays ────────────────────────────────────


def test_a_run_in_the_background_is_watched_to_its_end(cli, agent):
    run = cli("invoke", agent, "hello", "--background").stdout.strip()
    assert is_uuid(run)
    done = cli("runs", "watch", run)
    assert "scripted heard hello" in done.stdout
    frames = [json.loads(line) for line in cli("runs", "watch", run, "--json").stdout.splitlines()]
    assert [f["type"] for f in frames][0] == "start" and frames[-1]["type"] == "done"
    ids = [f["id"] for f in frames]
    assert len(set(ids)) == len(ids)
    rest = [json.loads(line) for line in cli("runs", "watch", run, "--json", "--after", ids[0]).stdout.splitlines()]
    assert rest == frames[1:]


def test_watching_goes_on_through_a_pause(cli, agent):
    run, approval = paused(cli, agent)
    assert approval in cli("runs", "watch", run, "--until-pause").stderr
    watcher = cli.open("runs", "watch", run)
    time.sleep(0.5)
    cli("approvals", "approve", approval)
    out, err = watcher.communicate(timeout=30)
    assert watcher.returncode == 0 and approval in err and "42" in out, (out, err)


def test_watching_survives_a_restart_of_the_server(make_server, peer):
    server = make_server(OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=f"{peer.base}/v1", AGENTOS_OUTBOUND_ALLOW="127.0.0.0/8").start()
    cli = Cli(server, server.credentials["workspace_key"])
    api = Api(server.base, cli.key)
    api.rpc("agents_create", name="Asks", system_prompt="x", provider_type="openai", model="scripted", tools=["ask_human"])
    run = cli.json("invoke", "Asks", 'call ask_human {"question": "Still there?"}')["run_id"]
    watcher = cli.open("runs", "watch", run)
    time.sleep(0.5)
    server.stop()
    server.start()
    time.sleep(1)
    cli("reply", run, "yes")
    out, err = watcher.communicate(timeout=30)
    assert watcher.returncode == 0 and "The tool said yes" in out, (out, err)


def test_the_same_idempotency_key_makes_one_run(cli, agent):
    key = new_id()
    first = cli.json("invoke", agent, "once", "--idempotency-key", key)
    assert cli.json("invoke", agent, "once", "--idempotency-key", key)["run_id"] == first["run_id"]
    assert cli.json("invoke", agent, "once")["run_id"] != first["run_id"]
    key = new_id()
    again = [cli("invoke", agent, "once", "--idempotency-key", key, "--background").stdout.strip() for _ in range(2)]
    assert again[0] == again[1] and is_uuid(again[0]), "the run's id, also when the run is over"
    cli("invoke", agent, "once", "--idempotency-key", "with blank", code=USAGE)
    cli("invoke", agent, "once", "--background", "--stream", code=USAGE)


def test_streams_as_json_end_with_the_error_frame(cli, agent):
    run, _ = paused(cli, agent)
    cli("runs", "cancel", run)
    frames = [json.loads(line) for line in cli("runs", "watch", run, "--json", code=FAILED).stdout.splitlines()]
    assert frames[-1]["type"] == "error" and frames[-1]["id"] and frames[-1]["message"], frames[-1]


def test_https_to_a_port_without_it_is_told_in_words(cli, agent):
    done = cli.server.cli("agents", "list", "--url", cli.server.base.replace("http://", "https://"), "--key", cli.key)
    assert done.returncode == FAILED and "http://" in done.stderr and "secure connection" in done.stderr, done.stderr


def test_a_run_is_cancelled_with_its_reason(cli, api, agent):
    run, _ = paused(cli, agent)
    assert run in cli("runs", "cancel", run, "--reason", "changed my mind").stdout
    shown = api.run(run)
    assert shown["status"] == "cancelled" and shown["cancel_reason"] == "changed my mind"
    assert "cancelled" in cli("runs", "watch", run, code=FAILED).stderr


def test_a_run_is_replayed_with_something_changed(cli, api, agent, tmp_path):
    origin = cli.json("invoke", agent, "hello")["run_id"]
    done = cli("runs", "replay", origin, "--model", "other", "--input", '{"message": "bye"}', "--wait")
    assert "other heard bye" in done.stdout
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("Be brief.")
    answer = cli.json("runs", "replay", origin, "--from-step", "1", "--system-prompt", f"@{prompt}")
    assert answer["origin_run_id"] == origin and answer["from_step"] == 1
    assert ended(api, answer["run_id"])["replay_of"]["run_id"] == origin
    assert is_uuid(cli("runs", "replay", origin).stdout.strip())
    cli("runs", "replay", origin, "--system-prompt", f"@{tmp_path / 'none'}", code=FAILED)
    cli("runs", "replay", origin, "--from-step", "0", code=USAGE)
    cli("runs", "replay", origin, "--from-step", "5000", code=FAILED)


def test_exit_codes(cli, home, agent):
    for arguments in (("approvals", "approve"), ("approvals", "reject"), ("runs", "cancel"), ("runs", "replay"), ("runs", "watch")):
        cli(*arguments, new_id(), code=NOT_FOUND)
        cli(*arguments, "not-an-id", code=USAGE)
        cli(*arguments, new_id(), key="aos_ws_" + "0" * 40, code=NOT_AUTHORISED)
    cli("reply", new_id(), "x", code=NOT_FOUND)
    cli("reply", "not-an-id", "x", code=USAGE)
    cli("approvals", "list", key=home.credentials["hosted_agent_key"], code=NOT_AUTHORISED)
    cli("approvals", "list", "--limit", "0", code=USAGE)


# ── apply ────────────────────────────────────────────────────────────────────


MANIFEST = """
name: NAME
system_prompt_file: prompt.md
model: scripted
provider_type: openai
tools: [calculate, TOOL]
approval_tools: [calculate]
fallback_models: [gpt-4o-mini]
max_cost_usd: 0.5
budget: { daily_usd: 5 }
tags: [shop]
prompt_variables:
  COMPANY: { description: Who asks, value: Example Inc. }
input_schema:
  type: object
  properties: { message: { type: string } }
workspace_tools:
  - name: TOOL
    method: GET
    url: PEER/orders/{id}
    description: Finds an order.
    auth_secret_env: SHOP_SECRET
    headers: { X-Shop: main }
    input_schema:
      type: object
      properties: { id: { type: string } }
      required: [id]
    timeout_seconds: 20
    requires_approval: true
resources:
  - { filename: RESOURCE.md, file: faq.md, pinned: true }
  - { filename: RESOURCE.txt, content: plain }
mcp_servers:
  - { name: MCP, url: PEER/mcp, auth_secret_env: SHOP_SECRET }
"""


class Files:
    """A folder with a manifest whose names are its own."""

    def __init__(self, folder: Path, peer: Peer) -> None:
        self.mark = new_id()[:8]
        self.path = folder / "agent.yaml"
        self.names = {"NAME": f"Shop {self.mark}", "TOOL": f"orders_{self.mark}", "RESOURCE": f"faq-{self.mark}", "MCP": f"crm{self.mark}", "PEER": peer.base}
        self.text = MANIFEST
        for word, name in self.names.items():
            self.text = self.text.replace(word, name)
        self.write(self.text)
        (folder / "prompt.md").write_text("You help {{COMPANY}}.\n")
        (folder / "faq.md").write_text("# Questions\n")
        self.folder = folder

    def write(self, text: str) -> None:
        self.path.write_text(text)


@pytest.fixture
def files(tmp_path: Path, peer: Peer, home: Server, monkeypatch) -> Files:
    monkeypatch.setitem(home.env, "SHOP_SECRET", "s3cret")
    return Files(tmp_path, peer)


def actions(cli: Cli, files: Files, *extra: str) -> dict[str, str]:
    """What an apply did, by kind and name's first word."""
    return {change["kind"] + (" " + change["name"] if change["kind"] == "resource" else ""): change["action"] for change in cli.json("apply", "-f", str(files.path), *extra)["changes"]}


def test_applying_makes_everything_and_a_second_time_nothing(cli, api, files):
    dry = cli("apply", "-f", str(files.path), "--dry-run")
    assert "would create" in dry.stdout and "s3cret" not in dry.stdout
    assert files.names["NAME"] not in json.dumps(api.rpc("agents_list"))
    first = actions(cli, files)
    assert set(first.values()) == {"create"} and len(first) == 6, first
    second = cli("apply", "-f", str(files.path))
    assert "unchanged." in second.stdout and "replaced" not in second.stdout and "created" not in second.stdout
    assert set(actions(cli, files).values()) == {"unchanged"}
    (shown,) = [cli.json("agents", "show", files.names["NAME"])]
    assert shown["system_prompt"] == "You help {{COMPANY}}.\n" and shown["pinned_resource_ids"] == [f"{files.names['RESOURCE']}.md"]
    assert shown["max_cost_usd"] == 0.5 and shown["fallback_models"] == ["gpt-4o-mini"] and shown["approval_tools"] == ["calculate"]
    (tool,) = [t for t in api.rpc("tools_list_workspace") if t["name"] == files.names["TOOL"]]
    assert tool["has_auth"] and tool["requires_approval"] and tool["timeout_seconds"] == 20
    budget = api.rpc("budgets_get", agent_id=shown["id"])
    assert budget["daily_usd"] == 5
    assert not [t for t in api.rpc("tools_list_workspace") if t["name"].startswith("applying-")]


def test_what_differs_is_replaced_and_the_rest_is_kept(cli, api, files):
    actions(cli, files)
    files.write(files.text.replace("timeout_seconds: 20", "timeout_seconds: 25").replace("daily_usd: 5", "daily_usd: 7").replace("content: plain", "content: plainer"))
    resource = files.names["RESOURCE"]
    done = actions(cli, files)
    assert done == {
        "tool": "replace", "mcp server": "unchanged", f"resource {resource}.md": "unchanged",
        f"resource {resource}.txt": "replace", "agent": "unchanged", "budget": "update",
    }  # fmt: skip
    # Of the same length, but written later.
    time.sleep(0.01)
    (files.folder / "faq.md").write_text("# Answers!!\n")
    assert actions(cli, files)[f"resource {resource}.md"] == "replace"
    assert set(actions(cli, files).values()) == {"unchanged"}
    secrets = actions(cli, files, "--replace-secrets")
    assert secrets["tool"] == "replace" and secrets["mcp server"] == "replace" and secrets["agent"] == "unchanged"
    files.write(files.text.replace("pinned: true", "pinned: false").replace("daily_usd: 5", "daily_usd: null"))
    assert actions(cli, files)["agent"] == "update"
    shown = cli.json("agents", "show", files.names["NAME"])
    assert shown["pinned_resource_ids"] == [] and api.rpc("budgets_get", agent_id=shown["id"])["daily_usd"] is None


def test_a_dry_run_shows_what_would_change_and_no_secret(cli, api, files):
    new = cli.json("apply", "-f", str(files.path), "--dry-run")["changes"]
    (tool,) = [c for c in new if c["kind"] == "tool"]
    shown = {d["member"]: (d["before"], d["after"]) for d in tool["diff"]}
    assert shown["timeout_seconds"] == (None, 20) and shown["auth_secret"] == (None, "[hidden]") and shown["headers"] == (None, ["X-Shop"])
    actions(cli, files)
    files.write(files.text.replace("timeout_seconds: 20", "timeout_seconds: 25").replace("max_cost_usd: 0.5", "max_cost_usd: 0.75").replace("daily_usd: 5", "daily_usd: 7"))
    dry = cli("apply", "-f", str(files.path), "--dry-run")
    for line in ("timeout_seconds: 20 -> 25", "max_cost_usd: 0.5 -> 0.75", "daily_usd: 5 -> 7"):
        assert line in dry.stdout.replace("5.0 ->", "5 ->"), dry.stdout
    assert "s3cret" not in dry.stdout
    diffs = {c["kind"]: c["diff"] for c in cli.json("apply", "-f", str(files.path), "--dry-run")["changes"] if c["action"] != "unchanged"}
    assert diffs["agent"] == [{"member": "max_cost_usd", "before": 0.5, "after": 0.75}]
    assert api.rpc("agents_get", agent_id=cli.json("agents", "show", files.names["NAME"])["id"])["max_cost_usd"] == 0.5


def test_a_tool_that_the_server_refuses_does_not_cost_the_old_one(cli, api, files):
    actions(cli, files)
    files.write(files.text.replace(f"{files.names['PEER']}/orders", "http://10.0.0.1/orders"))
    error = cli("apply", "-f", str(files.path), code=FAILED).stderr
    assert files.names["TOOL"] in error
    (tool,) = [t for t in api.rpc("tools_list_workspace") if t["name"] == files.names["TOOL"]]
    assert tool["url"].startswith(files.names["PEER"])


def test_null_for_members_with_defaults_is_unchanged_the_second_time(cli, files):
    files.write(files.text + "\nmax_tokens: null\nmax_iterations: null\ntemperature: null\noutput_schema: null\n")
    actions(cli, files)
    assert actions(cli, files)["agent"] == "unchanged"
    files.write(files.text + "\nmax_tokens: 100\n")
    assert actions(cli, files)["agent"] == "update"
    files.write(files.text + "\nmax_tokens: null\n")
    assert actions(cli, files)["agent"] == "update"
    assert actions(cli, files)["agent"] == "unchanged"


def test_a_resource_that_the_server_refuses_does_not_cost_the_old_one(cli, api, files):
    actions(cli, files)
    resource = f"{files.names['RESOURCE']}.md"

    def mine() -> list[dict]:
        return [r for r in api.rpc("resources_list") if r["filename"].startswith(files.names["RESOURCE"])]

    before = mine()
    (files.folder / "faq.md").write_text("x" * ((10 << 20) + 1))
    assert resource in cli("apply", "-f", str(files.path), code=FAILED).stderr
    assert mine() == before
    (files.folder / "faq.md").write_text("# Other questions\n")
    assert actions(cli, files)[f"resource {resource}"] == "replace"
    assert [r["filename"] for r in mine()] == [r["filename"] for r in before], "no spare is left behind"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda text: text + "\nmodle: x\n", "modle"),
        (lambda text: text.replace("requires_approval", "require_approval"), "workspace_tools[0].require_approval"),
        (lambda text: text.replace("pinned:", "pin:"), "resources[0].pin"),
        (lambda text: text.replace("daily_usd", "weekly_usd"), "budget.weekly_usd"),
        (lambda text: text.replace("file: faq.md", "file: none.md"), "none.md"),
        (lambda text: text.replace("auth_secret_env: SHOP_SECRET", "auth_secret_env: NO_SUCH_SECRET"), "NO_SUCH_SECRET"),
        (lambda text: text + "\nsystem_prompt: twice\n", "system_prompt"),
        (lambda text: text.replace("name: Shop", "nothing: Shop"), "nothing"),
        (lambda text: "- a list", "mapping"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_the_place(cli, api, files, change, named):
    files.write(change(files.text))
    assert named in cli("apply", "-f", str(files.path), code=FAILED).stderr
    assert files.mark not in json.dumps([api.rpc("agents_list"), api.rpc("tools_list_workspace"), api.rpc("resources_list")])
