"""Backup, restore, export and import, as an operator does them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from kit.api import Api, data_of
from kit.server import Server

EVENT = {"type": "note", "payload": {"text": "zwölf\u2028 \"quoted\"\n", "big": 12345678901234567890, "dec": 1.50}}


def fill(server: Server) -> dict[str, str]:
    """A bit of everything; returns ids."""
    ws = Api(server.base, server.credentials["workspace_key"])
    agent, reported = server.credentials["hosted_agent_id"], server.credentials["reported_agent_id"]
    invoked = ws.rpc("runs_invoke", agent_id=agent, input={"message": "What time is it?"}, start_session=True)
    run = Api(server.base, server.credentials["reported_agent_key"])
    started = run.start_run(reported, input={"message": "x", "n": 1.50}, external_run_id="ext-1")
    events = [EVENT | {"payload": EVENT["payload"] | {"n": n}} for n in range(30)]
    data_of(run.ingest("events", json.dumps({"run_id": started, "events": events}, indent=1).encode()))
    data_of(run.ingest("run/complete", {"run_id": started, "output": {"answer": "é"}}))
    left_open = run.start_run(reported, input={})
    ws.rpc("folders_create", name="Sales")
    ws.rpc("resources_create", filename="prices.csv", content="a,b\n1,2\n")
    ws.rpc("schedules_upsert", agent_id=agent, frequency="daily")
    ws.rpc("webhooks_create", url="https://1.1.1.1/")
    ws.rpc("agents_update", agent_id=agent, role="Teller of times")
    ws.rpc("reports_schedule_set", frequency="weekly", timezone="Europe/Lisbon")
    ws.rpc("retention_set", event_days=3650)
    return {
        "run": started,
        "open": left_open,
        "session": invoked["session_id"],
        "agent": agent,
    }


def export(server: Server, path: Path, *more: str) -> dict:
    done = server.cli("export", str(path), "--data", str(server.data), "--json", *more)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_backup_while_serving_and_restore(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    ids = fill(server)
    file = server.home / "store.backup"
    done = server.cli("backup", str(file), "--data", str(server.data))
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600, "it holds all that the store does"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert (server.home / "store.backup.sha256").read_text() == f"{digest}  store.backup\n"
    for secret in [(server.data / "master.key").read_bytes().strip(), *(v.encode() for k, v in server.credentials.items() if k.endswith("_key"))]:
        assert secret not in file.read_bytes()
    assert server.cli("backup", str(file), "--data", str(server.data)).returncode == 1, "an old backup is not overwritten"

    other = make_server()
    refused = server.cli("restore", str(file), "--data", str(server.data))
    assert refused.returncode == 1 and "--replace" in refused.stderr, refused.stderr
    done = other.cli("restore", str(file), "--data", str(other.data))
    assert done.returncode == 0 and "master.key" in done.stderr, done.stderr
    done = other.cli(*other.serve_arguments())
    assert done.returncode == 1 and "master key" in done.stderr, "secrets are in it, and their key is not"
    (other.data / "master.key").write_bytes((server.data / "master.key").read_bytes())
    other.credentials = server.credentials
    other.start()
    ws = Api(other.base, server.credentials["workspace_key"])
    run = ws.rpc("runs_get", run_id=ids["run"])
    assert run["status"] == "completed" and run["output"] == {"answer": "é"}
    assert len(ws.rpc("runs_get_events", run_id=ids["run"])) == 30
    other.stop()
    assert other.integrity() == "ok"

    bytes_ = bytearray(file.read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    file.write_bytes(bytes_)
    third = make_server()
    done = third.cli("restore", str(file), "--data", str(third.data))
    assert done.returncode == 1 and "damaged" in done.stderr, done.stderr
    assert not (third.data / "agentos.db").exists()
    done = server.cli("restore", str(file), "--replace", "--data", str(server.data))
    assert done.returncode == 1, "not under a running server, nor with a damaged file"


def test_an_export_comes_back_as_it_was(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    ids = fill(server)
    file = server.home / "ws.jsonl"
    first = export(server, file)
    text = file.read_text()
    for secret in server.credentials.values():
        assert not secret.startswith("aos_") or secret not in text
    rows = [json.loads(line) for line in text.splitlines()]
    events = [e for r in rows if r.get("table") == "event_chunks" and r["run_id"] == ids["run"] for e in r["events"]]
    assert len(events) == 30 and events[0]["payload"]["big"] == 12345678901234567890

    other = make_server()
    done = other.cli("import", str(file), "--data", str(other.data), "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["orphans"] == 0 and result["known"] == 0 and result["stored"] == sum(t["rows"] for t in first["tables"].values())
    again = json.loads(other.cli("import", str(file), "--data", str(other.data), "--json").stdout)
    assert again["stored"] == 0 and again["known"] == result["stored"], "running it again changes nothing"
    other.credentials = {**server.credentials, "workspace_key": result["workspace_key"]}
    other.start()
    for key in (result["workspace_key"], server.credentials["workspace_key"]):
        ws = Api(other.base, key)
        assert ws.rpc("runs_get", run_id=ids["run"])["input"] == {"message": "x", "n": 1.5}
        seen = ws.rpc("runs_get_events", run_id=ids["run"])
        assert [e["sequence_number"] for e in seen] == list(range(1, 31)) and seen[7]["payload"] == EVENT["payload"] | {"n": 7}
    assert ws.rpc("runs_get", run_id=ids["open"])["status"] == "running", "a reported run goes on wherever it is reported"
    assert len(ws.rpc("conversations_get", conversation_id=ids["session"])["messages"]) == 2
    assert ws.rpc("schedules_get", agent_id=ids["agent"])["enabled"] is False
    assert ws.rpc("agents_get", agent_id=ids["agent"])["role"] == "Teller of times"
    assert ws.rpc("reports_schedule_get")["timezone"] == "Europe/Lisbon" and ws.rpc("retention_get")["event_days"] == 3650
    assert {"report.scheduled", "retention.sweep"} <= {job["kind"] for job in ws.rpc("jobs_list")}
    # Repeats are still recognised.
    run = Api(other.base, server.credentials["reported_agent_key"])
    assert run.start_run(server.credentials["reported_agent_id"], input={}, external_run_id="ext-1") == ids["run"]
    second = export(other, other.home / "again.jsonl")
    # The import made a key, and a schedule comes in switched off; counts and checksums of all else are the same.
    for result_ in (first, second):
        result_["tables"].pop("api_keys")
        assert result_["tables"].pop("schedules")["rows"] == 1
    assert second["tables"] == first["tables"]


def test_an_export_goes_on_where_it_was_cut_off(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    fill(server)
    whole, part = server.home / "whole.jsonl", server.home / "part.jsonl"
    first = export(server, whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    for cut in range(1, len(lines), max(1, len(lines) // 12)):
        part.write_bytes(b"".join(lines[:cut]) + lines[cut][: len(lines[cut]) // 2])
        resumed = export(server, part, "--resume")
        assert resumed["tables"] == first["tables"], cut
    refused = server.cli("export", str(part), "--data", str(server.data))
    assert refused.returncode == 1 and "there already" in refused.stderr

    other = make_server()
    part.write_bytes(b"".join(lines[:-1]))
    done = other.cli("import", str(part), "--data", str(other.data))
    assert done.returncode == 1 and "not complete" in done.stderr and not other.data.exists()
    damaged = [line.replace(b"Sales", b"Sells") for line in lines]
    part.write_bytes(b"".join(damaged))
    done = other.cli("import", str(part), "--data", str(other.data))
    assert done.returncode == 1 and "damaged" in done.stderr and not other.data.exists()
    refused = server.cli("import", str(whole), "--data", str(server.data))
    assert refused.returncode == 1 and "in use" in refused.stderr
    server.stop()
    into = server.cli("import", str(whole), "--data", str(server.data), "--workspace", "elsewhere")
    assert into.returncode == 1 and "another workspace" in into.stderr, into.stderr
    left = server.cli("export", str(server.home / "left.jsonl"), "--data", str(server.data), "--workspace", "elsewhere")
    assert left.returncode == 1 and "no workspace elsewhere" in left.stderr, "nothing is left of it"


def test_beside_a_server_its_log_is_left_alone(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    fill(server)
    log = server.data / "agentos.db-wal"
    before = (log.stat().st_size, log.stat().st_ino)
    assert before[0] > 0
    for number, arguments in enumerate((["backup"], ["export"])):
        file = server.home / f"copy #{number} 100%?"
        done = server.cli(*arguments, str(file), "--data", str(server.data))
        assert done.returncode == 0 and file.stat().st_size > 0, done.stderr
        now = log.stat()
        assert now.st_size >= before[0] and now.st_ino == before[1], "moving it is the server's own business"
    assert server.stop() == 0
    assert server.integrity() == "ok"


def test_an_export_is_taken_up_before_its_first_line_too(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    fill(server)
    whole, part = server.home / "whole.jsonl", server.home / "part.jsonl"
    first = export(server, whole)
    for begun in (b"", whole.read_bytes()[:9], whole.read_bytes()[:40]):
        part.write_bytes(begun)
        assert export(server, part, "--resume")["tables"] == first["tables"]
        other = make_server()
        done = other.cli("import", str(part), "--data", str(other.data))
        assert done.returncode == 0, done.stderr
    part.write_bytes(b"a letter to a friend")
    done = server.cli("export", str(part), "--data", str(server.data), "--resume")
    assert done.returncode == 1 and "not an export" in done.stderr
    assert part.read_bytes() == b"a letter to a friend"


def test_nothing_may_follow_the_end_of_an_export(make_server: Callable[..., Server]) -> None:
    server = make_server()
    server.init()
    file = server.home / "ws.jsonl"
    export(server, file)
    whole = file.read_bytes()
    row = next(line for line in whole.splitlines() if line.startswith(b'{"table":"agents"'))
    other = make_server()
    for excess in (row + b"\n", b"\n", b"half a line"):
        file.write_bytes(whole + excess)
        done = other.cli("import", str(file), "--data", str(other.data))
        assert done.returncode == 1 and "follows its end line" in done.stderr, done.stderr
    assert not other.data.exists()
    file.write_bytes(whole)
    done = other.cli("import", str(file), "--data", str(other.data))
    assert done.returncode == 0 and done.stdout.count("shown this once") == 1, done.stdout


def test_a_refused_restore_leaves_nothing_behind(make_server: Callable[..., Server]) -> None:
    server = make_server()
    file = server.home / "broken.db"
    file.write_bytes(b"no database at all" * 1000)
    (server.home / "broken.db.sha256").write_text(hashlib.sha256(file.read_bytes()).hexdigest() + "  broken.db\n")
    done = server.cli("restore", str(file), "--data", str(server.data))
    assert done.returncode == 1 and "database" in done.stderr, done.stderr
    assert not [path.name for path in server.data.iterdir() if path.name.startswith("agentos.db")]


def test_each_store_that_a_restore_replaces_is_kept(make_server: Callable[..., Server]) -> None:
    server = make_server()
    server.init()
    file = server.home / "store.backup"
    assert server.cli("backup", str(file), "--data", str(server.data)).returncode == 0
    originals = []
    for mark in ("first", "second"):
        connection = sqlite3.connect(server.database())
        connection.execute("UPDATE workspaces SET name = ?", (mark,))
        connection.commit()
        connection.close()
        done = server.cli("restore", str(file), "--replace", "--data", str(server.data))
        assert done.returncode == 0, done.stderr
        named = [word.rstrip(".") for word in done.stdout.split() if ".before-restore-" in word]
        assert len(named) == 1, done.stdout
        originals.append(Path(named[0]))
    assert originals[0] != originals[1]
    for path, mark in zip(originals, ("first", "second")):
        assert sqlite3.connect(path).execute("SELECT name FROM workspaces").fetchall() == [(mark,)]
    assert not (server.data / "agentos.db-wal").exists() and not (server.data / "agentos.db-shm").exists()
    server.start()


def test_what_is_no_store_is_not_restored(make_server: Callable[..., Server]) -> None:
    server = make_server()
    server.init()
    before = Path(server.database()).read_bytes()
    empty, other = server.home / "empty.db", server.home / "other.db"
    empty.write_bytes(b"")
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE letters (text TEXT)")
    connection.commit()
    connection.close()
    for file in (empty, other):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        (server.home / f"{file.name}.sha256").write_text(f"{digest}  {file.name}\n")
        done = server.cli("restore", str(file), "--replace", "--data", str(server.data))
        assert done.returncode == 1 and "no store of agentos" in done.stderr, done.stderr
        assert Path(server.database()).read_bytes() == before


def test_no_store_is_begun_over_the_keys_of_a_lost_one(make_server: Callable[..., Server]) -> None:
    server = make_server()
    server.credentials = {"made": "by serve"}
    server.start()
    assert server.stop() == 0
    keys = (server.data / "credentials.json").read_bytes()
    for path in server.data.glob("agentos.db*"):
        path.unlink()
    for content in (None, b""):
        if content is not None:
            (server.data / "agentos.db").write_bytes(content)
        done = server.cli(*server.serve_arguments(), timeout=60)
        assert done.returncode == 1 and "credentials.json" in done.stderr, done.stderr
        assert (server.data / "credentials.json").read_bytes() == keys
        for path in server.data.glob("agentos.db*"):
            path.unlink()
    (server.data / "credentials.json").unlink()
    server.start()
    assert (server.data / "credentials.json").read_bytes() != keys


def test_what_may_not_be_read_is_not_called_missing(make_server: Callable[..., Server]) -> None:
    server = make_server()
    nobody = 65534
    # Root may read everything, so somebody else looks, with a binary where everybody may go.
    with tempfile.TemporaryDirectory() as name:
        place, user = Path(name), nobody if os.geteuid() == 0 else None
        place.chmod(0o755)
        binary = shutil.copy(server.binary, place / "agentos")
        data = place / "data"
        data.mkdir()
        (data / "agentos.db").write_bytes(b"")
        data.chmod(0)
        for command in (["backup", str(place / "copy")], ["doctor"], ["agents", "list"]):
            done = subprocess.run(
                [binary, *command, "--data", str(data)], env=server.env, cwd=place, user=user, capture_output=True, text=True
            )
            assert done.returncode == 1, done.stdout + done.stderr
            assert "ermission denied" in done.stdout + done.stderr, done.stdout + done.stderr
        data.chmod(0o700)


def test_a_store_that_is_newer_is_called_so(make_server: Callable[..., Server]) -> None:
    server = make_server()
    server.init()
    connection = sqlite3.connect(server.database())
    connection.execute("INSERT INTO schema_migrations (version, name, applied_at) VALUES (1000, 'later', 0)")
    connection.commit()
    connection.close()
    for command in ("backup", "export"):
        done = server.cli(command, str(server.home / "copy"), "--data", str(server.data))
        assert done.returncode == 1 and "newer than this binary" in done.stderr, done.stderr
    assert "newer than this binary" in server.cli("doctor", "--data", str(server.data)).stdout
