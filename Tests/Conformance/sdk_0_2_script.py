"""Runs the 0.2.1 client through what it can do; prints one JSON object. Started by test_sdk_0_2.py."""

from __future__ import annotations

import json
import os
import sys

import agentos.client
from agentos import AgentOS, AgentOSAuthError, AgentOSError, AgentOSValidationError


def refusal(call, *args, **kwargs) -> list[str]:
    try:
        call(*args, **kwargs)
    except AgentOSError as error:
        return [type(error).__name__, error.code]
    return ["none", ""]


def main() -> None:
    facts = json.loads(sys.argv[1])
    base = os.environ["TEST_BASE_URL"]
    reporting = dict(api_key=facts["reported_agent_key"], agent_id=facts["reported_agent_id"], base_url=base)
    out: dict[str, object] = {"user_agent": agentos.client.USER_AGENT, "file": agentos.__file__}

    with AgentOS(**reporting, batch_size=10) as aos:
        run = aos.start_run(input={"invoice_id": "INV-1"}, external_run_id=facts["external_run_id"])
        out["same_run"] = aos.start_run(external_run_id=facts["external_run_id"]).run_id == run.run_id
        out["completed"] = run.run_id
        run.emit_llm_request("gpt-4.1", "Say hi", {"temperature": 0.5})
        run.emit_llm_response("gpt-4.1", "hi", {"input_tokens": 3, "output_tokens": 1})
        run.emit_tool_call("lookup", {"id": 7})
        run.emit_tool_return("lookup", {"total": 12.5})
        run.emit_tool_error("lookup", "gone")
        for i in range(25):
            run.emit("step", {"i": i})
        done, failed, skipped = (run.start_task(name, {"n": 1}) for name in ("load", "parse", "send"))
        done.complete({"rows": 3})
        failed.fail("no rows")
        skipped.skip()
        run.complete(output={"processed": True})

        long = aos.start_run()
        out["failed"] = long.run_id
        long.fail("x" * 3999 + "\U0001d4b3" + "y" * 500, {"step": "fetch"})

        plain = aos.start_run(trigger_type="manual")
        out["manual"] = plain.run_id
        plain.complete()
        out["bad_trigger"] = refusal(aos.start_run, trigger_type="agent")

    with AgentOS(**{**reporting, "api_key": "aos_agent_" + "0" * 43}) as stranger:
        out["bad_key"] = refusal(stranger.start_run)

    hosted = dict(api_key=facts["hosted_agent_key"], agent_id=facts["hosted_agent_id"], base_url=base)
    with AgentOS(**hosted) as aos:
        out["invoked"] = aos.invoke({"message": "hello"})
        out["with_variables"] = aos.invoke({"message": "hello"}, prompt_variables={"TONE": "formal"})
        out["other_agent"] = refusal(aos.invoke, {}, agent_id=facts["reported_agent_id"])
    print(json.dumps(out))


if __name__ == "__main__":
    assert AgentOSAuthError and AgentOSValidationError
    main()
