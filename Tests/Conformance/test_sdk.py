"""The 0.4.0 client, unmodified, used as its users would."""

from __future__ import annotations

import threading

import pytest
from agentos import AgentOS, AgentOSAuthError, AgentOSError, AgentOSTimeoutError, AgentOSValidationError
from kit.api import eventually, is_time, is_uuid, new_id


def test_the_readme_example_is_on_record(sdk, ws):
    aos = sdk()
    with aos.start_run(input={"ticket_id": 4521}) as run:
        step = run.start_span("classify ticket", kind="step")
        llm = step.child("claude-sonnet-4-6", kind="llm")
        llm.end({"input_tokens": 1240, "output_tokens": 90})
        run.emit_tool_call("lookup_order", {"order_id": 991})
        step.end()
        run.complete({"category": "billing"}, usage={"input_tokens": 1240, "output_tokens": 90})
    assert run.dropped_events == 0 and not run.has_pending
    seen = ws.run(run.run_id)
    assert (seen["status"], seen["input"], seen["output"]) == ("completed", {"ticket_id": 4521}, {"category": "billing"})
    assert (seen["input_tokens"], seen["output_tokens"]) == (1240, 90)
    assert is_time(seen["started_at"]) and is_time(seen["completed_at"]) and is_uuid(seen["external_run_id"])
    events = {e["type"]: e for e in ws.events(run.run_id)}
    assert list(events) == ["claude-sonnet-4-6", "tool.called", "classify ticket"], "spans are sent when they end"
    assert events["claude-sonnet-4-6"]["parent_span_id"] == step.id == events["classify ticket"]["span_id"]
    assert events["tool.called"]["payload"] == {"tool": "lookup_order", "input": {"order_id": 991}}


def test_an_exception_fails_the_run_with_its_traceback(sdk, ws):
    with pytest.raises(ValueError), sdk().start_run() as run:
        raise ValueError("no such invoice")
    seen = ws.run(run.run_id)
    assert (seen["status"], seen["error_message"]) == ("failed", "no such invoice")
    assert seen["error_detail"]["type"] == "ValueError" and "Traceback" in seen["error_detail"]["traceback"]


def test_a_thousand_events_arrive_in_order_from_the_background(sdk, ws):
    run = sdk(batch_size=37, batch_interval_ms=20, max_queue_size=5000).start_run()
    for i in range(1000):
        run.emit("step", {"i": i, "text": "naïve 日本語 🏳️‍🌈"}, level=("debug", "info", "warn", "error")[i % 4])
    eventually(lambda: ws.run(run.run_id)["event_count"] >= 900, what="the client's timer to send")
    run.complete()
    events = ws.events(run.run_id)
    assert [e["payload"]["i"] for e in events] == list(range(1000))
    assert [e["sequence_number"] for e in events] == list(range(1, 1001))
    assert run.dropped_events == 0


def test_runs_of_many_threads_do_not_mix(sdk, ws):
    aos = sdk(batch_interval_ms=10)
    runs = [aos.start_run(input={"n": n}) for n in range(12)]

    def work(n: int) -> None:
        for i in range(120):
            runs[n].emit("step", {"n": n, "i": i})
        runs[n].complete({"n": n})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for n, run in enumerate(runs):
        assert [(e["payload"]["n"], e["payload"]["i"]) for e in ws.events(run.run_id)] == [(n, i) for i in range(120)]
        assert ws.run(run.run_id)["output"] == {"n": n}


def test_tasks_go_through_their_states(sdk, ws):
    with sdk().start_run() as run:
        load, parse, send = run.start_task("load", {"file": "in.csv"}), run.start_task("parse"), run.start_task("send")
        load.complete({"rows": 3})
        load.complete({"rows": 3})
        parse.fail("no rows")
        send.skip()
    tasks = {t["name"]: t for t in ws.run(run.run_id)["tasks"]}
    assert [tasks[n]["status"] for n in ("load", "parse", "send")] == ["completed", "failed", "skipped"]
    assert (tasks["load"]["input"], tasks["load"]["output"]) == ({"file": "in.csv"}, {"rows": 3})
    assert all(is_time(t["completed_at"]) for t in tasks.values())


def test_a_start_with_the_same_external_id_returns_the_same_run_and_a_child_is_linked(sdk, ws):
    aos, job = sdk(), f"nightly-{new_id()}"
    first, second = aos.start_run(external_run_id=job), aos.start_run(external_run_id=job)
    assert first.run_id == second.run_id
    child = aos.start_run(parent_run_id=first.run_id)
    assert ws.run(child.run_id)["parent_run_id"] == first.run_id
    child.cancel("not needed")
    assert (ws.run(child.run_id)["status"], ws.run(child.run_id)["cancel_reason"]) == ("cancelled", "not needed")


# ── questions to people ──────────────────────────────────────────────────────


def test_a_question_is_answered_across_several_polls(sdk, server, creds, ws):
    run = sdk().start_run()
    answers: list[dict] = []
    asking = threading.Thread(
        target=lambda: answers.append(run.request_human_input("Send the refund?", context={"amount": 12.5})), daemon=True
    )
    asking.start()
    waiting = eventually(lambda: ws.run(run.run_id)["awaiting_input"], what="the question to show")
    assert (waiting["question"], waiting["context"]) == ("Send the refund?", {"amount": 12.5})
    # The poll window is 2 s: the client comes back with the request's id, and the question stays one and the same.
    with AgentOS(api_key=creds["workspace_key"], base_url=server.base) as person:
        person.reply(run.run_id, "Yes, in full", request_id=waiting["request_id"])
    asking.join(20)
    assert answers == [{"input": "Yes, in full", "request_id": waiting["request_id"]}]
    run.complete()


def test_a_question_nobody_answers_times_out_and_a_cancelled_one_is_a_conflict(sdk, ws):
    run = sdk().start_run()
    with pytest.raises(AgentOSTimeoutError):
        run.request_human_input("Anyone?", timeout_seconds=1)
    failures: list[AgentOSError] = []

    def ask() -> None:
        try:
            run.request_human_input("And now?")
        except AgentOSError as error:
            failures.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    eventually(lambda: ws.run(run.run_id)["awaiting_input"], what="the question to show")
    run.cancel()
    asking.join(20)
    assert [error.code for error in failures] == ["CONFLICT"]


# ── hosted agents ────────────────────────────────────────────────────────────


@pytest.fixture
def hosted(sdk, creds):
    return sdk(api_key=creds["hosted_agent_key"], agent_id=creds["hosted_agent_id"])


def test_an_invoke_answers_and_leaves_a_full_record(hosted, ws):
    result = hosted.invoke({"task": "Summarise yesterday's tickets"}, prompt_variables={"TONE": "formal"})
    assert result.status == "completed" and isinstance(result.output, dict) and result.output
    assert isinstance(result.duration_ms, int) and result.session_id is None
    run = ws.run(result.run_id)
    assert (run["status"], run["output"], run["trigger_type"]) == ("completed", result.output, "sdk")
    events = ws.events(result.run_id)
    assert [e["sequence_number"] for e in events] == list(range(1, len(events) + 1))
    assert {"run.started", "run.completed"} <= {e["type"] for e in events}
    (root,) = [e for e in events if e["kind"] == "agent"]
    calls = [e for e in events if e["kind"] == "llm"]
    assert calls and all(e["parent_span_id"] == root["span_id"] and e["duration_ms"] is not None for e in calls)


def test_a_stream_starts_speaks_and_is_done(hosted, ws):
    frames = list(hosted.invoke_stream({"task": "Draft a reply"}))
    assert frames[0]["type"] == "start" and frames[-1]["type"] == "done"
    text = "".join(f["text"] for f in frames if f["type"] == "chunk")
    assert text
    assert frames[-1]["run_id"] == frames[0]["run_id"]
    run = ws.run(frames[0]["run_id"])
    assert run["status"] == "completed"
    assert text.strip() in str(run["output"]) or "tool" in {f["type"] for f in frames}


def test_a_conversation_goes_on_in_its_session(hosted, sdk, creds):
    first = hosted.invoke({"message": "I need to change my plan"}, start_session=True, external_user_id="user_812")
    second = hosted.invoke({"message": "The annual one"}, session_id=first.session_id)
    assert is_uuid(first.session_id) and second.session_id == first.session_id
    admin = sdk(api_key=creds["workspace_key"])
    talks = admin.conversations.list(agent_id=creds["hosted_agent_id"], external_user_id="user_812")
    assert first.session_id in [t["id"] for t in talks]
    messages = admin.conversations.get(conversation_id=first.session_id)["messages"]
    assert [m["role"] for m in messages] == ["user", "assistant"] * 2
    assert "change my plan" in messages[0]["content"] and "annual" in messages[2]["content"]
    admin.conversations.delete(conversation_id=first.session_id)
    with pytest.raises(AgentOSError) as gone:
        hosted.invoke({"message": "Still there?"}, session_id=first.session_id)
    assert gone.value.code == "NOT_FOUND"


def test_an_invoke_can_be_a_child_of_a_reported_run(sdk, creds, ws):
    with sdk(api_key=creds["workspace_key"], agent_id=creds["reported_agent_id"]).start_run() as parent:
        child = sdk(api_key=creds["workspace_key"], agent_id=creds["hosted_agent_id"]).invoke({"q": "x"}, parent_run_id=parent.run_id)
    assert ws.run(child.run_id)["parent_run_id"] == parent.run_id


def test_what_excludes_itself_is_refused(hosted, sdk, creds):
    with pytest.raises(AgentOSValidationError):
        hosted.invoke({"q": "x"}, start_session=True, history=[])
    with pytest.raises(AgentOSValidationError):
        hosted.invoke({"q": "x"}, external_user_id="u")
    with pytest.raises(AgentOSValidationError):
        sdk().invoke({"q": "a reported agent is not hosted"})
    with pytest.raises(AgentOSAuthError):
        sdk(api_key="aos_ws_" + "0" * 43).invoke({"q": "x"})


# ── control plane ────────────────────────────────────────────────────────────


def test_agents_and_their_keys_are_managed(sdk, server, creds):
    admin = sdk(api_key=creds["workspace_key"])
    name = f"Invoice checker {new_id()[:8]}"
    created = admin.agents.create(name=name, system_prompt="Check each invoice.", provider_type="demo", tags=["finance"])
    agent_id = created["agent_id"]
    assert agent_id in [a["id"] for a in admin.agents.list()]
    assert (admin.agents.get(agent_id=agent_id)["name"], created["status"]) == (name, "active")
    admin.agents.update(agent_id=agent_id, description="checks")
    assert admin.agents.get(agent_id=agent_id)["description"] == "checks"

    key = admin.api_keys.create(agent_id=agent_id, name="laptop")
    assert key["api_key"].startswith("aos_agent_")
    listed = [k for k in admin.api_keys.list(agent_id=agent_id) if k["name"] == "laptop"]
    assert len(listed) == 1 and key["api_key"] not in str(listed)
    own = sdk(api_key=key["api_key"], agent_id=agent_id)
    assert own.invoke({"q": "hello"}).status == "completed"

    admin.agents.set_status(agent_id=agent_id, status="paused")
    with pytest.raises(AgentOSValidationError):
        own.invoke({"q": "hello"})
    admin.api_keys.revoke(key_id=listed[0]["id"])
    with pytest.raises(AgentOSAuthError):
        own.invoke({"q": "hello"})
    admin.agents.delete(agent_id=agent_id)
    with pytest.raises(AgentOSError) as gone:
        admin.agents.get(agent_id=agent_id)
    assert gone.value.code == "NOT_FOUND"


def test_runs_are_listed_read_and_cancelled(sdk, creds):
    admin = sdk(api_key=creds["workspace_key"])
    run = sdk().start_run(input={"n": 1})
    run.emit("step", {"i": 1})
    run.flush()
    assert run.run_id in [r["id"] for r in admin.runs.list(agent_id=creds["reported_agent_id"], status="running", limit=100)]
    assert [e["payload"] for e in admin.runs.events(run_id=run.run_id)] == [{"i": 1}]
    admin.runs.cancel(run_id=run.run_id)
    assert admin.runs.get(run_id=run.run_id)["status"] == "cancelled"
    result = admin.runs.invoke(agent_id=creds["hosted_agent_id"], input={"q": "hello"})
    assert admin.runs.get(run_id=result["run_id"])["status"] == "completed"


def test_every_list_answers_with_an_array(sdk, creds):
    admin = sdk(api_key=creds["workspace_key"])
    for rows in (
        admin.agents.list(),
        admin.api_keys.list(),
        admin.runs.list(limit=5),
        admin.conversations.list(),
        admin.workspaces.list(),
        admin.tools.list_builtin(),
    ):
        assert isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    assert "default" in [w.get("slug") for w in admin.workspaces.list()]
    names = {tool.get("name") or tool.get("id") for tool in admin.tools.list_builtin()}
    assert {"http_request", "read_url", "invoke_agent"} <= names


def test_a_personal_key_works_in_its_workspace_and_an_agent_key_has_no_control_plane(sdk, creds):
    person = sdk(api_key=creds["user_key"], workspace="default")
    assert creds["hosted_agent_id"] in [a["id"] for a in person.agents.list()]
    with pytest.raises(AgentOSError) as refused:
        sdk().agents.list()
    assert refused.value.code == "FORBIDDEN"
