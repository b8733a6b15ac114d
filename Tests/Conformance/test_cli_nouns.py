"""Commands that call an operation by its noun and verb, with what the server says it takes."""

from __future__ import annotations

import json
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from kit.api import Api
from kit.server import Server


@pytest.fixture
def cli(server: Server) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return server.cli(*arguments, "--url", server.base, "--key", server.credentials["workspace_key"])

    return run


def test_a_noun_makes_lists_and_deletes(cli) -> None:
    made = cli("folders", "create", "Cold storage", "--json")
    assert made.returncode == 0, made.stderr
    folder = json.loads(made.stdout)["id"]
    listed = cli("folders")
    assert listed.stdout.splitlines()[0].split()[:2] == ["ID", "NAME"] and "Cold storage" in listed.stdout
    agent = cli("rpc", "agents_create", json.dumps({"name": "Filed", "system_prompt": "x", "folder_id": folder}))
    assert agent.returncode == 0, agent.stderr
    assert cli("folders", "delete", folder).returncode == 0
    assert cli("folders", "delete", folder).returncode == 4, "not found has a code of its own"


def test_flags_become_what_the_operation_takes(cli, ws: Api) -> None:
    ws.rpc("agents_create", name="Nightly", system_prompt="x", provider_type="demo")
    done = cli("schedules", "set", "Nightly", "--cron", "5 4 * * *", "--timezone", "Europe/Berlin", "--input", '{"message": "go"}', "--enabled", "false", "--json")
    assert done.returncode == 0, done.stderr
    schedule = json.loads(done.stdout)
    assert (schedule["cron"], schedule["enabled"], schedule["input"]) == ("5 4 * * *", False, {"message": "go"})
    done = cli("alerts", "create", "A", "error_rate_exceeded", "email", "--condition-config", '{"threshold_pct": 5}', "--notification-config", '{"email": "a@b.co"}')
    assert done.returncode == 0, done.stderr
    assert "error_rate_exceeded" in cli("alerts").stdout
    assert cli("retention", "set", "--event-days", "null").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["folders", "create"], "name is missing"), (["folders", "create", "a", "b"], "one word too many; there is NAME"),
        *((["budgets", "set", "--daily-usd", number], "--daily-usd needs a number") for number in (".5", "+5", "0x10", "nan", "Infinity", "1e999")),
        (["folders", "rename"], "does one of"), (["folders", "list", "--nope", "1"], "--nope is not known"),
        (["retention", "set", "--event-days", "soon"], "needs a number"), (["retention", "set", "--event-days"], "needs a value"),
        (["jobs", "list", "--state", "lost"], "is one of"), (["alerts", "create", "A", "run_failed", "email", "--notification-config", "{"], "not JSON"),
    ],
)  # fmt: skip
def test_a_word_that_does_not_fit_is_named(cli, arguments: list[str], words: str) -> None:
    done = cli(*arguments)
    assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1, done.stderr


def test_a_budget_outlives_what_is_no_number(cli, ws: Api) -> None:
    assert cli("budgets", "set", "--daily-usd", "7.5").returncode == 0
    done = cli("rpc", "budgets_set", '{"daily_usd": NaN}')
    assert done.returncode == 1 and "daily_usd" in done.stderr
    assert ws.rpc("budgets_get")["daily_usd"] == 7.5
    assert cli("budgets", "set", "--daily-usd", "null").returncode == 0
    assert ws.rpc("budgets_get")["daily_usd"] is None


def test_the_server_may_be_named_before_the_command(server: Server) -> None:
    first = ("--url", server.base, "--key=" + server.credentials["workspace_key"])
    assert server.cli(*first, "folders", "create", "Named first").returncode == 0
    assert "Named first" in server.cli(*first, "folders").stdout
    assert server.cli(*first, "agents", "list").returncode == 0
    assert server.cli(*first).returncode != 0, "there is no command in it"


def test_an_address_with_an_impossible_port_is_refused(server: Server) -> None:
    done = server.cli("agents", "list", "--url", "http://127.0.0.1:99999", "--key", "aos_ws_x")
    assert done.returncode == 1 and "1 to 65535" in done.stderr, done.stderr


def test_templates_of_ones_own_keep_all_they_say(make_server: Callable[..., Server]) -> None:
    server = make_server()
    folder = server.home / "templates"
    folder.mkdir()
    text = "id: own\nname: Own\ndescription: d\ncategory: c\nmodel: demo\nsystem_prompt: s\ntools: [current_time]\n"
    (folder / "own.yaml").write_text(text + "approval_tools: [current_time]\noutput_schema: {type: object, required: [place]}\n")
    server.env["AGENTOS_TEMPLATES"] = str(folder)
    server.start()
    ws = Api(server.base, server.credentials["workspace_key"])
    made = ws.rpc("agents_get", agent_id=ws.rpc("marketplace_install_template", template_id="own")["agent_id"])
    assert made["approval_tools"] == ["current_time"] and made["output_schema"] == {"type": "object", "required": ["place"]}
    assert server.stop() == 0
    (folder / "own.yaml").write_text(text + "temprature: 0.2\n")
    done = server.cli(*server.serve_arguments())
    assert done.returncode == 1 and "own.yaml: temprature" in done.stderr, done.stderr


def test_a_verb_says_what_it_takes(cli) -> None:
    done = cli("webhooks", "create", "--describe")
    assert done.returncode == 0 and "URL" in done.stdout and "--events" in done.stdout


def test_tables_show_who_did_what_and_how_agents_do(cli, ws: Api) -> None:
    ws.rpc("agents_create", name="Watched", system_prompt="x", provider_type="demo")
    done = cli("agents", "set-status", "Watched", "paused")
    assert done.returncode == 0 and "paused" in done.stdout, done.stderr
    assert cli("agents", "set-status", "Watched", "asleep").returncode == 1
    audit = cli("audit", "--operation", "agents_set_status").stdout.splitlines()
    assert "WHO" in audit[0].split() and "workspace_key" not in audit[0]
    assert len([cell for cell in audit[1].split("  ") if cell.strip()]) == 5, audit
    assert {"HEALTH", "SCORE"} <= set(cli("fleet").stdout.splitlines()[0].split())
    ws.rpc("webhooks_create", url="https://1.1.1.1/")
    assert "DISABLED AT" in cli("webhooks").stdout.splitlines()[0]


def test_what_is_searched_for_is_just_said(cli, ws: Api) -> None:
    made = ws.rpc("agents_create", name="Searched", system_prompt="x", provider_type="demo")
    ws.rpc("runs_invoke", agent_id=made["id"], input={"message": "a heron in the reeds"})
    found = cli("search", "heron reeds", "--limit", "5")
    assert found.returncode == 0 and "Searched" in found.stdout, found.stderr
    assert "None." in cli("search", "heron desert").stderr


def test_evals_from_a_pipeline(cli, server: Server, ws: Api) -> None:
    ws.rpc("agents_create", name="Tried", system_prompt="x", provider_type="demo")
    agent = next(a["id"] for a in ws.rpc("agents_list") if a["name"] == "Tried")
    ws.rpc("evals_create_case", agent_id=agent, name="runs", input={"message": "Hi"}, assertions=[{"type": "no_error"}])
    report = server.home / "report.xml"
    done = cli("eval", "Tried", "--junit", str(report))
    assert done.returncode == 0, done.stderr
    ws.rpc("evals_create_case", agent_id=agent, name='says <"x">', input={"message": "Hi"}, assertions=[{"type": "output_contains", "value": "\u0001<zebra>"}])
    done = cli("eval", "Tried", "--junit", str(report))
    assert done.returncode == 1 and "1 of 2 cases" in done.stderr and "output_contains" in done.stdout
    suite = ET.parse(report).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert suite[1].get("name") == 'says <"x">' and "zebra" in suite[1][0].get("message", "")
    assert cli("eval", "Tried", "--version", "9").returncode == 4
