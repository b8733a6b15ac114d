"""An MCP server made with the official library, in a thread of the test process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import mcp.types as types
import uvicorn
from mcp.server import MCPServer, Server
from mcp.server.mcpserver.exceptions import ToolError

from kit.api import eventually
from kit.server import free_port


class McpPeer:
    """Serves an application on a port of its own; it can be stopped, and started again without its memory.

    `build` makes the application anew for each start. With a `token`, requests without that bearer token are refused.
    """

    def __init__(self, build: Callable[[McpPeer], Any], token: str | None = None) -> None:
        self.build = build
        self.token = token
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.requests: list[dict[str, str]] = []
        """The headers of everything that came in."""
        self.port = free_port()
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    @property
    def sessions(self) -> set[str]:
        """Ids of the sessions that were used."""
        return {headers["mcp-session-id"] for headers in self.requests if "mcp-session-id" in headers}

    def start(self) -> None:
        app = self.build(self)

        async def guarded(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return await app(scope, receive, send)
            headers = {name.decode(): value.decode() for name, value in scope["headers"]}
            self.requests.append(headers)
            if self.token and headers.get("authorization") != f"Bearer {self.token}":
                await send({"type": "http.response.start", "status": 401, "headers": []})
                return await send({"type": "http.response.body", "body": b""})
            await app(scope, receive, send)

        config = uvicorn.Config(guarded, host="127.0.0.1", port=self.port, log_level="critical", lifespan="on")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        eventually(lambda: self.server.started, what="the MCP server")

    def stop(self) -> None:
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(10)
        assert not self.thread.is_alive(), "the MCP server did not stop"

    def restart(self) -> None:
        self.stop()
        self.start()


def calculator(peer: McpPeer, stateless: bool = False, json: bool = False, more: str | None = None) -> Any:
    """`add`, `explode` and, on demand, one more tool."""
    app = MCPServer("calculator")

    @app.tool()
    def add(a: int, b: int) -> int:
        """Adds two numbers."""
        peer.calls.append(("add", {"a": a, "b": b}))
        return a + b

    @app.tool()
    def explode() -> str:
        """Always fails."""
        peer.calls.append(("explode", {}))
        raise ToolError("boom")

    if more:

        @app.tool(name=more, annotations=types.ToolAnnotations(read_only_hint=True))
        def extra() -> str:
            """Reads something."""
            peer.calls.append((more, {}))
            return "read"

    return app.streamable_http_app(stateless_http=stateless, json_response=json)


def paged(peer: McpPeer, count: int, per_page: int) -> Any:
    """Numbered tools, listed page by page."""

    async def list_tools(_: Any, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        start = int(params.cursor) if params and params.cursor else 0
        end = min(start + per_page, count)
        tools = [types.Tool(name=f"tool_{n}", input_schema={"type": "object"}) for n in range(start, end)]
        return types.ListToolsResult(tools=tools, next_cursor=str(end) if end < count else None)

    async def call_tool(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        peer.calls.append((params.name, params.arguments or {}))
        return types.CallToolResult(content=[types.TextContent(type="text", text=f"{params.name} was called")])

    server = Server("paged", on_list_tools=list_tools, on_call_tool=call_tool)
    return server.streamable_http_app()
