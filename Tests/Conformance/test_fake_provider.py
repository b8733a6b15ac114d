"""The fake provider that the Swift tests use, checked by the providers' own clients."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anthropic
import openai
import pytest

from kit.server import find_binary

TOOL = {"name": "look_up", "description": "Looks an order up.", "input_schema": {"type": "object", "properties": {"order": {"type": "integer"}}}}
FUNCTION = {"type": "function", "function": {"name": "look_up", "description": "Looks an order up.", "parameters": TOOL["input_schema"]}}
ASK = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    tool = Path(find_binary()).parent / "FakeProviderTool"
    process = subprocess.Popen([str(tool)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin and process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(20)


@pytest.fixture(scope="module")
def claude(port: int) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="sk-test", base_url=f"http://127.0.0.1:{port}", max_retries=0)


@pytest.fixture(scope="module")
def gpt(port: int) -> openai.OpenAI:
    return openai.OpenAI(api_key="sk-test", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0)


def test_anthropics_client_reads_a_plain_text(claude):
    message = claude.messages.create(model="text", max_tokens=50, messages=ASK)
    assert message.content[0].text == "Hello from the fake." and message.stop_reason == "end_turn"
    assert (message.usage.input_tokens, message.usage.output_tokens, message.usage.cache_read_input_tokens) == (21, 5, 3)


def test_anthropics_client_reads_a_streamed_text(claude):
    with claude.messages.stream(model="text", max_tokens=50, messages=ASK) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    assert "".join(pieces) == "Hello from the fake." and len(pieces) > 1
    assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 5)


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_anthropics_client_reads_tool_calls(claude, streamed):
    fields = dict(model="tools", max_tokens=50, messages=ASK, tools=[TOOL])
    if streamed:
        with claude.messages.stream(**fields) as stream:
            message = stream.get_final_message()
    else:
        message = claude.messages.create(**fields)
    calls = [b for b in message.content if b.type == "tool_use"]
    assert message.stop_reason == "tool_use" and message.content[0].text == "Let me look."
    assert [(c.name, c.input) for c in calls] == [("look_up", {"order": 991}), ("look_up", {"order": 992})]
    assert len({c.id for c in calls}) == 2


def test_openais_client_reads_a_plain_text(gpt):
    answer = gpt.chat.completions.create(model="text", messages=ASK)
    assert answer.choices[0].message.content == "Hello from the fake." and answer.choices[0].finish_reason == "stop"
    assert answer.usage.prompt_tokens - answer.usage.prompt_tokens_details.cached_tokens == 21
    assert answer.usage.completion_tokens == 5


def test_openais_client_reads_a_streamed_text(gpt):
    chunks = list(gpt.chat.completions.create(model="text", messages=ASK, stream=True, stream_options={"include_usage": True}))
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "Hello from the fake."
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens == 5


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
def test_openais_client_reads_tool_calls(gpt, streamed):
    fields = dict(model="tools", messages=ASK, tools=[FUNCTION])
    calls: dict[int, list[str]] = {}
    if streamed:
        for chunk in gpt.chat.completions.create(stream=True, **fields):
            for call in (chunk.choices[0].delta.tool_calls or []) if chunk.choices else []:
                slot = calls.setdefault(call.index, ["", "", ""])
                slot[0] += call.id or ""
                slot[1] += call.function.name or ""
                slot[2] += call.function.arguments or ""
    else:
        for index, call in enumerate(gpt.chat.completions.create(**fields).choices[0].message.tool_calls):
            calls[index] = [call.id, call.function.name, call.function.arguments]
    assert [(c[1], json.loads(c[2])) for c in calls.values()] == [("look_up", {"order": 991}), ("look_up", {"order": 992})]
    assert len({c[0] for c in calls.values()}) == 2


FAULTS = {"refused": "BadRequestError", "unauthorised": "AuthenticationError", "limited": "RateLimitError"}


@pytest.mark.parametrize("model", FAULTS)
def test_both_clients_raise_their_typed_errors(claude, gpt, model):
    with pytest.raises(getattr(anthropic, FAULTS[model])) as first:
        claude.messages.create(model=model, max_tokens=5, messages=ASK)
    with pytest.raises(getattr(openai, FAULTS[model])) as second:
        gpt.chat.completions.create(model=model, messages=ASK)
    if model == "limited":
        assert first.value.response.headers["retry-after"] == second.value.response.headers["retry-after"] == "7"


def test_both_clients_see_an_overload_as_a_server_fault(claude, gpt):
    with pytest.raises(anthropic.InternalServerError):
        claude.messages.create(model="overloaded", max_tokens=5, messages=ASK)
    with pytest.raises(openai.InternalServerError):
        gpt.chat.completions.create(model="overloaded", messages=ASK)


def test_both_clients_notice_a_cut_stream(claude, gpt):
    with pytest.raises(Exception), claude.messages.stream(model="cut", max_tokens=5, messages=ASK) as stream:
        list(stream.text_stream)
    with pytest.raises(Exception):
        list(gpt.chat.completions.create(model="cut", messages=ASK, stream=True))
