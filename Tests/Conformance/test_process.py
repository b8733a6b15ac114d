"""The server as a process: stopping, exit codes, folders and databases it cannot use, runs found unfinished, its log."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest
from kit.api import Api, data_of, eventually, is_uuid, new_id
from kit.model import SilentModel


def refuses(server, *words: str, arguments: list[str] | None = None) -> str:
    """`serve` must end with 1 and say why in one line."""
    done = server.cli(*(arguments or server.serve_arguments()), timeout=60)
    assert done.returncode == 1, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, f"one line, not {len(lines)}:\n{done.stderr}"
    assert any(word in lines[0].lower() for word in words), lines[0]
    return lines[0]


# ── init ─────────────────────────────────────────────────────────────────────

NAMES = {
    "workspace_id", "workspace_slug", "workspace_key", "owner_email", "owner_password", "user_key", "hosted_agent_id",
    "hosted_agent_key", "reported_agent_id", "reported_agent_key",
}  # fmt: skip


def test_init_names_what_it_made_and_changes_nothing_the_second_time(make_server):
    server = make_server()
    facts = server.init()
    assert NAMES <= set(facts) and facts["workspace_slug"] == "default"
    assert all(is_uuid(facts[n]) for n in ("workspace_id", "hosted_agent_id", "reported_agent_id"))
    assert facts["workspace_key"].startswith("aos_ws_") and facts["user_key"].startswith("aos_user_")
    assert facts["hosted_agent_key"].startswith("aos_agent_") and len(facts["hosted_agent_key"]) >= len("aos_agent_") + 43
    again = server.cli("init", "--data", str(server.data), "--json")
    assert again.returncode == 1 and again.stdout.strip() == "" and len(again.stderr.strip().splitlines()) == 1
    assert server.cli("init", "--data", str(server.data), "--json", "--if-missing").returncode == 0
    server.start()
    Api(server.base, facts["reported_agent_key"]).start_run(facts["reported_agent_id"])


def test_serve_on_an_empty_folder_makes_what_it_needs_and_prints_a_curl_line(make_server):
    server = make_server()
    server.data.mkdir()
    server.credentials = {"made": "by serve"}
    server.start()
    path = server.data / "credentials.json"
    facts = json.loads(path.read_text())
    assert NAMES <= set(facts)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "curl" in server.log.read_text() and f":{server.port}" in server.log.read_text()
    data_of(Api(server.base, facts["hosted_agent_key"]).invoke(facts["hosted_agent_id"], {"input": {"q": "hello"}}))


def test_nothing_of_a_key_but_its_digest_is_stored(make_server):
    server = make_server().start()
    for path in server.data.rglob("*"):
        if path.is_file() and path.name != "credentials.json":
            content = path.read_bytes()
            for name in ("workspace_key", "user_key", "hosted_agent_key", "reported_agent_key", "owner_password"):
                assert server.credentials[name].encode() not in content, f"{name} in {path.name}"


# ── stopping ─────────────────────────────────────────────────────────────────


def test_sigterm_answers_a_waiting_poll_with_pending_and_ends_within_ten_seconds(make_server):
    server = make_server(AGENTOS_HUMAN_INPUT_POLL_SECONDS="60").start()
    creds = server.credentials
    rep, ws = Api(server.base, creds["reported_agent_key"]), Api(server.base, creds["workspace_key"])
    runs = [rep.start_run(creds["reported_agent_id"]) for _ in range(20)]
    answers: list[tuple[str, httpx.Response]] = []

    def poll(run_id: str) -> None:
        question = {"run_id": run_id, "prompt": "Go on?", "timeout_seconds": 600}
        answers.append((run_id, rep.ingest("human-input/request", question)))

    polls = [threading.Thread(target=poll, args=(run_id,), daemon=True) for run_id in runs]
    for one in polls:
        one.start()
    eventually(lambda: all(ws.run(run_id)["awaiting_input"] for run_id in runs), what="every question to be open")
    began = time.monotonic()
    server.terminate()
    assert server.process.wait(15) == 0
    assert time.monotonic() - began < 10
    for one in polls:
        one.join(10)
    assert len(answers) == 20
    server.start()
    rep, ws = Api(server.base, creds["reported_agent_key"]), Api(server.base, creds["workspace_key"])
    for run_id, answer in answers:
        data = data_of(answer, 202)
        assert data["status"] == "pending" and is_uuid(data["request_id"])
        assert ws.run(run_id)["awaiting_input"]["request_id"] == data["request_id"], "the question outlives the process"
        assert ws.run(run_id)["status"] == "running"


def test_sigterm_lets_requests_under_way_finish(make_server):
    server = make_server().start()
    creds = server.credentials
    stored: dict[str, int] = {}
    over = threading.Event()

    def write() -> None:
        api = Api(server.base, creds["reported_agent_key"])
        run_id = api.start_run(creds["reported_agent_id"])
        stored[run_id] = 0
        try:
            while not over.is_set():
                i = stored[run_id]
                answer = api.ingest("events", {"run_id": run_id, "events": [
                    {"type": "s", "payload": {"i": i + k}, "occurred_at": f"2026-05-11T{8 + i // 60_000_000:02d}:00:{i // 1_000_000 % 60:02d}.{(i + k) % 1_000_000:06d}Z"}
                    for k in range(50)
                ]})  # fmt: skip
                if answer.status_code != 200:
                    assert answer.status_code == 503, answer.text
                    return
                stored[run_id] += 50
        except httpx.TransportError:
            return

    threads = [threading.Thread(target=write, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    eventually(lambda: sum(stored.values()) > 5000, 30, every=0.002)
    assert server.stop() == 0
    over.set()
    for thread in threads:
        thread.join(40)
    server.start()
    ws = Api(server.base, creds["workspace_key"])
    for run_id, count in stored.items():
        numbers = [e["payload"]["i"] for e in ws.events(run_id)]
        assert numbers == list(range(len(numbers))) and count <= len(numbers) <= count + 50


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once_with_0_even_with_open_connections(make_server, sent):
    server = make_server().start()
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(5)]
    keep_alive = httpx.Client(base_url=server.base, trust_env=False)
    keep_alive.get("/healthz")
    server.process.send_signal(sent)
    assert server.process.wait(10) == 0
    for connection in idle:
        connection.close()


# ── what it cannot use ───────────────────────────────────────────────────────


def test_a_port_in_use_is_one_clear_line(make_server):
    server = make_server()
    server.init()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", server.port))
        taken.listen()
        line = refuses(server, "port", "address", "use")
        assert "stopping" not in server.cli(*server.serve_arguments(), timeout=60).stdout
    assert str(server.port) in line


def test_a_file_in_place_of_the_folder_is_one_clear_line(make_server):
    server = make_server()
    file = server.home / "not-a-folder"
    file.write_text("x")
    for data in (file, file / "below"):
        line = refuses(server, "folder", "directory", "write", "data", arguments=server.serve_arguments(data=data))
        assert "not-a-folder" in line and "Success" not in line


def test_an_unwritable_folder_is_one_clear_line(make_server):
    server = make_server()
    if os.geteuid() != 0:
        server.data.mkdir(mode=0o500)
        refuses(server, "folder", "directory", "write", "permission")
    else:  # root may write anywhere but here
        refuses(server, "folder", "directory", "write", "create", arguments=server.serve_arguments(data=Path("/proc/agentos-data")))


def test_a_newer_database_is_one_clear_line_and_stays_as_it_is(make_server):
    server = make_server()
    server.init()
    path = server.database()
    connection = sqlite3.connect(path)
    columns = connection.execute("PRAGMA table_info(schema_migrations)").fetchall()
    newest = connection.execute("SELECT * FROM schema_migrations ORDER BY version DESC LIMIT 1").fetchone()
    row = [value + 1000 if column[1] == "version" else f"{value}-later" if column[1] == "name" else value for column, value in zip(columns, newest)]
    connection.execute(f"INSERT INTO schema_migrations VALUES ({','.join('?' * len(row))})", row)
    connection.commit()
    before = connection.execute("SELECT * FROM sqlite_schema").fetchall()
    connection.close()
    refuses(server, "newer", "later version")
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT * FROM sqlite_schema").fetchall() == before
    connection.close()


def test_a_locked_database_is_one_clear_line(make_server):
    server = make_server()
    server.init()
    connection = sqlite3.connect(server.database(), isolation_level=None)
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    try:
        refuses(server, "lock", "in use", "busy")
    finally:
        connection.close()


def test_a_second_server_on_the_same_folder_is_one_clear_line(make_server):
    server = make_server().start()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
    refuses(server, "lock", "in use", "another", arguments=server.serve_arguments(port=port))
    assert httpx.get(f"{server.base}/healthz", trust_env=False).status_code == 200


def test_a_file_that_is_no_database_is_one_clear_line(make_server):
    server = make_server()
    server.init()
    path = server.database()
    for extra in path.parent.glob(path.name + "-*"):
        extra.unlink()
    path.write_bytes(b"this is not a database, it only has its name " * 200)
    refuses(server, "database", "corrupt", "malformed")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AGENTOS_PUBLIC_URL", "agents.example"), ("AGENTOS_PUBLIC_URL", "http://a b/"), ("AGENTOS_PUBLIC_URL", "https://a.example/?x=1"),
        ("AGENTOS_TRUSTED_PROXIES", "10.0.0.1,proxy.example"), ("AGENTOS_TRUSTED_PROXIES", "10.0.0.0/8"),
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1:99999"), ("OPENAI_BASE_URL", "127.0.0.1:80"), ("COMPOSIO_BASE_URL", "http://x:port"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_named_at_the_start(make_server, name, value):
    server = make_server(**{name: value})
    assert name in refuses(server, "must", "cannot be called")
    done = server.cli("doctor", "--data", str(server.data))
    assert done.returncode == 1 and name in done.stderr


def test_an_unknown_host_is_one_clear_line(make_server):
    server = make_server()
    server.init()
    line = refuses(server, "no address", arguments=["serve", "--host", "nowhere.invalid", "--port", "0", "--data", str(server.data)])
    assert "nowhere.invalid" in line and "SocketAddress" not in line


# ── the master key ───────────────────────────────────────────────────────────


def secret_of(server) -> None:
    server.start()
    Api(server.base, server.credentials["workspace_key"]).rpc("webhooks_create", url="https://1.1.1.1/")
    assert server.stop() == 0


@pytest.mark.parametrize("wrong", [None, "ab" * 32])
def test_a_lost_master_key_is_told_and_none_is_made_in_its_place(make_server, wrong):
    server = make_server()
    secret_of(server)
    key = server.data / "master.key"
    right = key.read_bytes()
    if wrong is None:
        key.unlink()
    else:
        key.write_text(wrong)
    left = key.read_bytes() if key.exists() else None
    before = server.database().read_bytes()
    done = server.cli("doctor", "--data", str(server.data))
    assert done.returncode == 1 and "master key" in done.stdout and "AGENTOS_MASTER_KEY" in done.stdout, done.stdout
    assert server.database().read_bytes() == before
    line = refuses(server, "master key")
    assert "AGENTOS_MASTER_KEY" in line and "--give-up-secrets" in line
    assert (key.read_bytes() if key.exists() else None) == left

    key.write_bytes(right)
    done = server.cli("doctor", "--data", str(server.data))
    assert "opens all stored secrets" in done.stdout, done.stdout
    server.start()
    assert server.stop() == 0


def test_a_master_key_that_is_lost_for_good_is_given_up(make_server):
    server = make_server()
    secret_of(server)
    key = server.data / "master.key"
    key.unlink()
    plain = server.serve_arguments
    server.serve_arguments = lambda *given: [*plain(*given), "--give-up-secrets"]
    server.start()
    assert key.exists()
    ws = Api(server.base, server.credentials["workspace_key"])
    ws.rpc("webhooks_create", url="https://1.0.0.1/")
    assert server.stop() == 0
    server.serve_arguments = plain
    server.start()
    assert server.stop() == 0
    done = server.cli("doctor", "--data", str(server.data))
    assert done.returncode == 0 and "1 of 2 stored secrets" in done.stdout, done.stdout


def test_doctor_writes_nothing(make_server):
    server = make_server()
    server.init()
    (server.data / "master.key").unlink()
    before = server.database().read_bytes()
    done = server.cli("doctor", "--data", str(server.data))
    assert done.returncode == 0 and "Sound" in done.stdout, done.stdout
    assert server.database().read_bytes() == before and not (server.data / "master.key").exists()


def test_unknown_arguments_are_a_usage_error(make_server):
    server = make_server()
    for arguments in (["serve", "--no-such-option"], ["no-such-command"], ["serve", "--port", "many"]):
        done = server.cli(*arguments)
        assert done.returncode == 2, f"{arguments}: exit {done.returncode} {done.stderr}"
        assert done.stderr.strip()


# ── runs found unfinished ────────────────────────────────────────────────────


def test_hosted_runs_cut_off_by_a_kill_are_taken_up_again_and_reported_ones_go_on(make_server):
    model = SilentModel()
    try:
        server = make_server(OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=model.base_url).start()
        creds = server.credentials
        ws, rep = Api(server.base, creds["workspace_key"]), Api(server.base, creds["reported_agent_key"])
        reported = rep.start_run(creds["reported_agent_id"])
        agent_id = ws.rpc("agents_create", name="Silent", system_prompt="x", provider_type="openai", model="silent")["agent_id"]

        def invoke() -> None:
            try:
                ws.invoke(agent_id, {"input": {"q": "anyone?"}})
            except httpx.TransportError:
                pass

        threads = [threading.Thread(target=invoke, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        model.wait_until_asked(3)
        runs = [run["id"] for run in ws.rpc("runs_list", agent_id=agent_id, status="running", limit=100)]
        assert len(runs) == 3
        server.kill()
        for thread in threads:
            thread.join(20)
        server.start()
        ws, rep = Api(server.base, creds["workspace_key"]), Api(server.base, creds["reported_agent_key"])
        model.wait_until_asked(3)
        for run_id in runs:
            assert ws.run(run_id)["status"] == "running"
            ws.rpc("runs_cancel", run_id=run_id)
            events = ws.events(run_id)
            assert [e["sequence_number"] for e in events] == list(range(1, len(events) + 1))
            types = [e["type"] for e in events]
            assert types.count("llm.request") == 1 and "run.resumed" in types and "run.cancelled" in types
        assert ws.run(reported)["status"] == "running"
        rep.send(reported, {"type": "still.here", "occurred_at": "2026-05-11T20:00:00.000001Z"})
    finally:
        model.close()


def test_a_client_that_leaves_does_not_stop_its_run(make_server):
    model = SilentModel()
    try:
        server = make_server(OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=model.base_url).start()
        ws = Api(server.base, server.credentials["workspace_key"])
        agent_id = ws.rpc("agents_create", name="Silent", system_prompt="x", provider_type="openai", model="silent")["agent_id"]
        with pytest.raises(httpx.TimeoutException):
            ws.invoke(agent_id, {"input": {"q": "anyone?"}}, timeout=1)
        model.wait_until_asked()
        (run,) = ws.rpc("runs_list", agent_id=agent_id)
        assert run["status"] == "running"
        ws.rpc("runs_cancel", run_id=run["id"])
        assert ws.run(run["id"])["status"] == "cancelled"
    finally:
        model.close()


# ── the log ──────────────────────────────────────────────────────────────────


def test_no_key_and_no_payload_is_ever_logged(make_server):
    server = make_server(AGENTOS_LOG_LEVEL="debug", OPENAI_API_KEY="sk-never-in-a-log", OPENAI_BASE_URL="http://127.0.0.1:9/v1").start()
    creds = server.credentials
    secret = f"payload-{new_id()}"
    rep, ws, hosted = (Api(server.base, creds[n]) for n in ("reported_agent_key", "workspace_key", "hosted_agent_key"))
    run_id = rep.start_run(creds["reported_agent_id"], input={"secret": secret})
    rep.send(run_id, {"type": "t", "payload": {"secret": secret}})
    rep.ingest("events", {"run_id": run_id, "events": [{"type": 3, "payload": {"secret": secret}}]})
    rep.ingest("events", ('{"secret": "%s' % secret).encode())
    hosted.invoke(creds["hosted_agent_id"], {"input": {"secret": secret}})
    agent_id = ws.rpc("agents_create", name="Broken", system_prompt=secret, provider_type="openai", model="m")["agent_id"]
    ws.invoke(agent_id, {"input": {"secret": secret}}, timeout=60)
    rep.with_key("aos_agent_" + secret).ingest("run/start", {})
    assert server.stop() == 0
    log = server.log.read_text(errors="replace")
    for hidden in (secret, "sk-never-in-a-log", *(creds[n] for n in NAMES if n.endswith("_key"))):
        assert hidden not in log, hidden[:14]


@pytest.mark.parametrize("where", [">/dev/full", "| true", ">&-"])
def test_a_log_that_cannot_be_written_does_not_end_the_server(make_server, where):
    server = make_server()
    server.init()
    # Of the pipeline, the server is the process that is waited for.
    command = " ".join(["exec"] * (where != "| true") + [server.binary, *server.serve_arguments()]) + f" {where}"
    server.process = subprocess.Popen(
        ["bash", "-c", command], env=server.env, cwd=server.home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    eventually(server._answers, what="an answer")
    api = Api(server.base, server.credentials["reported_agent_key"])
    run = api.start_run(server.credentials["reported_agent_id"])
    api.send(run, {"type": "still.here"})
    assert server.process.poll() is None
    os.killpg(server.process.pid, signal.SIGTERM)
    server.process.wait(12)
    assert b"Fatal" not in server.process.stderr.read()


def test_where_the_log_is_json_every_line_is(make_server):
    server = make_server(AGENTOS_LOG_FORMAT="json").start()
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    (serving,) = [line for line in lines if line["message"] == "serving"]
    assert serving["url"] == server.base and serving["data"] == str(server.data)


# ── links ────────────────────────────────────────────────────────────────────


def test_links_begin_with_the_public_address_or_with_the_port_that_was_bound(make_server):
    server = make_server(AGENTOS_PUBLIC_URL="https://agents.example/base//").start()
    ws = Api(server.base, server.credentials["workspace_key"])
    assert ws.rpc("members_invite", email="a@b.co", role="member")["invite_url"].startswith("https://agents.example/base/invites/")
    other = make_server(AGENTOS_HOST="0.0.0.0")
    other.init()
    with open(other.log, "ab") as log:
        other.process = subprocess.Popen(
            [other.binary, "serve", "--port", "0", "--data", str(other.data)], env=other.env, cwd=other.home,
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    found = eventually(lambda: re.search(r"is serving (http://localhost:(\d+))\n", other.log.read_text()), what="the banner")
    other.port = int(found[2])
    ws = Api(other.base, other.credentials["workspace_key"])
    assert ws.rpc("members_invite", email="a@b.co", role="member")["invite_url"].startswith(f"{found[1]}/invites/")
    assert "dashboard" not in other.log.read_text()


# ── figures ──────────────────────────────────────────────────────────────────


def test_the_sizes_of_commits_are_a_histogram(make_server):
    server = make_server().start()
    Api(server.base, server.credentials["reported_agent_key"]).start_run(server.credentials["reported_agent_id"])
    lines = httpx.get(f"{server.base}/metrics", trust_env=False).text.splitlines()
    assert "# TYPE agentos_commit_group_size histogram" in lines
    values = dict(line.rsplit(" ", 1) for line in lines if line.startswith("agentos_commit_group_size"))
    count = float(values["agentos_commit_group_size_count"])
    assert count >= 1 and float(values['agentos_commit_group_size_bucket{le="+Inf"}']) == count
    assert float(values["agentos_commit_group_size_sum"]) >= count
