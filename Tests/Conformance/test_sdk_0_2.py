"""The 0.2.1 client against the server, in a process of its own (the two clients share an import name)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kit.api import is_uuid, new_id


@pytest.fixture(scope="module")
def seen(server, creds):
    """What the client saw."""
    folder = os.environ.get("AGENTOS_TEST_SDK_0_2")
    assert folder and Path(folder, "agentos").is_dir(), "AGENTOS_TEST_SDK_0_2 does not name the 0.2.1 client; start with ./run"
    script = Path(__file__).with_name("sdk_0_2_script.py")
    facts = json.dumps(creds | {"external_run_id": f"old-{new_id()}"})
    env = {**os.environ, "PYTHONPATH": folder, "TEST_BASE_URL": server.base}
    done = subprocess.run([sys.executable, str(script), facts], env=env, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr[-3000:]
    out = json.loads(done.stdout)
    assert out["user_agent"].startswith("agentos-sdk-py/0.2") and out["file"].startswith(folder), out
    return out


def test_a_run_with_events_and_tasks_is_on_record(seen, ws):
    run = ws.run(seen["completed"])
    assert (run["status"], run["input"], run["output"]) == ("completed", {"invoice_id": "INV-1"}, {"processed": True})
    assert seen["same_run"], "external_run_id finds the run again"
    events = ws.events(seen["completed"])
    kinds = [e["type"] for e in events]
    assert kinds == ["llm.request", "llm.response", "tool.called", "tool.returned", "tool.failed"] + ["step"] * 25
    assert [e["payload"]["i"] for e in events[5:]] == list(range(25))
    assert events[4]["level"] == "error"
    assert (run["input_tokens"], run["output_tokens"]) == (3, 1)
    tasks = {t["name"]: t for t in run["tasks"]}
    assert [tasks[n]["status"] for n in ("load", "parse", "send")] == ["completed", "failed", "skipped"]
    assert tasks["load"]["output"] == {"rows": 3} and tasks["load"]["input"] == {"n": 1}
    assert tasks["parse"]["error_message"] == "no rows"


def test_a_long_failure_is_cut_for_this_client_and_ends_the_run(seen, ws):
    run = ws.run(seen["failed"])
    assert run["status"] == "failed" and run["error_detail"] == {"step": "fetch"}
    assert run["error_message"] == "x" * 3999 + "\U0001d4b3"


def test_the_same_message_of_another_client_is_refused(rep, ws, agent_id):
    run_id = rep.start_run(agent_id)
    answer = rep.ingest("run/fail", {"run_id": run_id, "error_message": "x" * 4001})
    assert answer.status_code == 400 and ws.run(run_id)["status"] == "running"


def test_a_trigger_is_kept_and_a_run_may_end_without_output(seen, ws):
    run = ws.run(seen["manual"])
    assert (run["status"], run["trigger_type"], run["output"], run["external_run_id"]) == ("completed", "manual", None, None)


def test_errors_arrive_as_the_client_names_them(seen):
    assert seen["bad_trigger"] == ["AgentOSValidationError", "VALIDATION_ERROR"]
    assert seen["bad_key"] == ["AgentOSAuthError", "UNAUTHENTICATED"]
    assert seen["other_agent"] == ["AgentOSError", "FORBIDDEN"]


def test_a_hosted_agent_answers(seen, ws):
    for name in ("invoked", "with_variables"):
        result = seen[name]
        assert is_uuid(result["run_id"]) and isinstance(result["output"], dict) and result["output"]
        run = ws.run(result["run_id"])
        assert (run["status"], run["output"], run["trigger_type"]) == ("completed", result["output"], "sdk")
