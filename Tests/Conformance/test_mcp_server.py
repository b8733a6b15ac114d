"""The control plane as assistants see it: the official client, over HTTP and over standard input and output."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from kit.server import Server, find_binary


@asynccontextmanager
async def over_http(server: Server) -> AsyncIterator[ClientSession]:
    headers = {"authorization": f"Bearer {server.credentials['workspace_key']}"}
    async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        async with streamable_http_client(f"{server.base}/api/mcp", http_client=http) as streams:
            async with ClientSession(streams[0], streams[1]) as client:
                await client.initialize()
                yield client


@asynccontextmanager
async def over_stdio(server: Server) -> AsyncIterator[ClientSession]:
    environment = {"AGENTOS_BASE_URL": server.base, "AGENTOS_API_KEY": server.credentials["workspace_key"]}
    command = StdioServerParameters(command=str(find_binary()), args=["mcp"], env=environment)
    async with stdio_client(command) as streams:
        async with ClientSession(streams[0], streams[1]) as client:
            await client.initialize()
            yield client


def member(thing: Any, *names: str) -> Any:
    """A member under the name that this version of the client gives it."""
    return next(getattr(thing, name) for name in names if hasattr(thing, name))


@pytest.mark.parametrize("road", [over_http, over_stdio])
def test_every_tool_is_listed_and_answers(server: Server, road: Any) -> None:
    async def work() -> None:
        async with road(server) as client:
            tools = (await client.list_tools()).tools
            assert len(tools) > 60
            answered = 0
            for tool in tools:
                schema = member(tool, "input_schema", "inputSchema")
                result = await client.call_tool(tool.name, {})
                failed = member(result, "is_error", "isError")
                text = result.content[0].text
                if schema.get("required"):
                    assert failed and text.startswith("VALIDATION_ERROR"), (tool.name, text)
                elif member(tool.annotations, "read_only_hint", "readOnlyHint"):
                    assert not failed, (tool.name, text)
                    assert "data" in member(result, "structured_content", "structuredContent"), tool.name
                    answered += 1
            assert answered > 15

    asyncio.run(work())


def test_both_roads_offer_the_same(server: Server) -> None:
    async def names(road: Any) -> tuple[list[str], list[str]]:
        async with road(server) as client:
            tools, prompts = await client.list_tools(), await client.list_prompts()
            return [tool.name for tool in tools.tools], [prompt.name for prompt in prompts.prompts]

    assert asyncio.run(names(over_http)) == asyncio.run(names(over_stdio))


def test_a_line_that_is_no_message_is_told_so_and_a_lost_notification_is_not() -> None:
    lines = ['{"jsonrpc": "2.0", "method": "notifications/initialized"}', "nonsense", "[]", '{"jsonrpc": "2.0", "id": 7, "method": "ping"}']
    # Nobody listens at this port.
    done = subprocess.run(
        [find_binary(), "mcp", "--url", "http://127.0.0.1:1", "--key", "aos_ws_nobody"],
        input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert sorted((a["id"] or 0, a["error"]["code"]) for a in answers) == [(0, -32700), (0, -32600), (7, -32603)]
