from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
for _name in ("API_KEY", "AGENT_ID", "BASE_URL", "WORKSPACE", "DISABLED"):
    os.environ.pop(f"AGENTOS_{_name}", None)
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

from agentos import AgentOS  # noqa: E402
from kit.api import Api  # noqa: E402
from kit.server import Server  # noqa: E402

UNLIMITED = {f"AGENTOS_RATE_LIMIT_{kind}": "0" for kind in ("INGEST", "INVOKE", "CONTROL", "AUTH")}
SEED = int(os.environ.get("AGENTOS_TEST_SEED", "20260511"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server most tests share."""
    running = Server(UNLIMITED | {"AGENTOS_HUMAN_INPUT_POLL_SECONDS": "2"})
    try:
        yield running.start()
    finally:
        running.close()


@pytest.fixture
def make_server() -> Iterator[Callable[..., Server]]:
    """A server of one's own, not started yet. Rate limits are off; a switch given as None is left out."""
    made: list[Server] = []

    def make(**env: str | None) -> Server:
        made.append(Server({**UNLIMITED, **env}))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="session")
def creds(server: Server) -> dict[str, str]:
    return server.credentials


@pytest.fixture(scope="session")
def ws(server: Server, creds: dict[str, str]) -> Api:
    """With the workspace key."""
    return Api(server.base, creds["workspace_key"])


@pytest.fixture(scope="session")
def rep(server: Server, creds: dict[str, str]) -> Api:
    """With the key of the agent that reports its runs."""
    return Api(server.base, creds["reported_agent_key"])


@pytest.fixture(scope="session")
def agent_id(creds: dict[str, str]) -> str:
    return creds["reported_agent_id"]


@pytest.fixture
def chance() -> random.Random:
    return random.Random(SEED)


@pytest.fixture
def sdk(server: Server, creds: dict[str, str]) -> Iterator[Callable[..., AgentOS]]:
    """Makes official clients; for the reported agent unless told otherwise."""
    made: list[AgentOS] = []

    def make(**options: Any) -> AgentOS:
        options.setdefault("api_key", creds["reported_agent_key"])
        options.setdefault("agent_id", creds["reported_agent_id"])
        options.setdefault("base_url", server.base)
        made.append(AgentOS(**options))
        return made[-1]

    yield make
    for client in made:
        client.close()


# ── the last line ────────────────────────────────────────────────────────────

_counts = {"passed": 0, "failed": 0, "skipped": 0}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _counts["failed"] += 1
    elif report.skipped:
        _counts["skipped"] += 1
    elif report.when == "call":
        _counts["passed"] += 1


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _counts["failed"] += 1


def pytest_sessionfinish() -> None:
    if path := os.environ.get("AGENTOS_TEST_SUMMARY"):
        Path(path).write_text("{passed} passed, {failed} failed, {skipped} skipped\n".format(**_counts))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = (yield).get_result()
    running = getattr(item, "funcargs", {}).get("server")
    if report.when == "call" and report.failed and isinstance(running, Server):
        report.sections.append(("end of the server's log", running.tail(15)))
