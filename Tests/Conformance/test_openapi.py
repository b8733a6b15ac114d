"""The server against its own description, by schemathesis: no fault of the server's, no answer but what is described."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from kit.server import Server

# A request that fits its schema may still be refused for what it names; everything else is checked.
UNFIT = "positive_data_acceptance"


@pytest.mark.timeout(600)
@pytest.mark.parametrize("key", ["workspace_key", "user_key", "reported_agent_key"])
def test_every_call_does_what_the_description_says(make_server: Callable[..., Server], key: str) -> None:
    server = make_server(AGENTOS_HUMAN_INPUT_POLL_SECONDS="1").start()
    command = [
        Path(sys.executable).parent / "schemathesis", "run", f"{server.base}/openapi.json",
        "--header", f"Authorization: Bearer {server.credentials[key]}", "--checks", "all", "--exclude-checks", UNFIT,
        # Goes on for ever.
        "--exclude-path", "/api/v1/tail",
        "--max-examples", "20", "--seed", "20260511", "--workers", "1", "--request-timeout", "60", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=server.home, timeout=580)
    faults = re.search(r"={4,} (ERRORS|FAILURES) ={4,}.*?(?=={4,} (WARNINGS|SUMMARY) )", done.stdout, re.DOTALL)
    assert done.returncode == 0, (faults[0][:20_000] if faults else done.stdout[-8000:])
    cases = re.search(r"(\d+) generated", done.stdout)
    assert cases and int(cases[1]) >= 2000, done.stdout[-2000:]
    assert httpx.get(f"{server.base}/healthz").status_code == 200


def test_the_reference_page_needs_nothing_else(server: Server) -> None:
    page = httpx.get(f"{server.base}/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "agents_create" in page.text
    assert not re.search(r"<script|<link|src=|https?://(?!example)", page.text.replace(server.base, ""))
