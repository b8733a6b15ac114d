"""Alert mail, as a mail server receives it."""

from __future__ import annotations

import email
import email.policy
import queue
import socket
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from kit.server import Server, free_port


class Inbox:
    def __init__(self) -> None:
        self.mails: queue.Queue = queue.Queue()
        self.refuse = 0
        # What is answered to an address, as long as there is something left for it.
        self.answers: dict[str, list[str]] = {}

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802
        if self.answers.get(address):
            return self.answers[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        if self.refuse:
            self.refuse -= 1
            return "451 Come back later"
        self.mails.put(envelope)
        return "250 OK"


def allow(server, session, envelope, mechanism, data) -> AuthResult:
    fits = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ada", b"p@ss")
    return AuthResult(success=fits)


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    box = Inbox()
    port = free_port()
    controller = Controller(
        box, hostname="127.0.0.1", port=port, authenticator=allow, auth_require_tls=False, auth_required=True
    )
    controller.start()
    yield box, port
    controller.stop()


def call(server: Server, method: str, body: dict) -> dict:
    answer = httpx.post(
        f"{server.base}/api/v1/rpc/{method}", json=body,
        headers={"authorization": f"Bearer {server.credentials['workspace_key']}"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def alert(server: Server) -> None:
    rule = call(
        server, "alerts_create",
        {"name": "Größer <b>", "condition_type": "run_failed", "channels": ["email"],
         "notification_config": {"email": "ada@example.com, bob@example.com"}},
    )  # fmt: skip
    call(server, "alerts_test", {"alert_id": rule["id"]})


def test_an_alert_reaches_its_addresses_with_both_parts_after_a_retry(
    make_server: Callable[..., Server], inbox: tuple[Inbox, int]
) -> None:
    box, port = inbox
    box.refuse = 1
    server = make_server(
        AGENTOS_SMTP_URL=f"smtp://ada:p%40ss@127.0.0.1:{port}?tls=off", AGENTOS_MAIL_FROM="agentos@example.com"
    ).start()
    alert(server)
    envelope = box.mails.get(timeout=60)
    assert envelope.mail_from == "agentos@example.com"
    assert envelope.rcpt_tos == ["ada@example.com", "bob@example.com"]
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert mail["subject"] == "Alert: Größer <b>"
    assert "test of the rule" in mail.get_body(("plain",)).get_content()
    page = mail.get_body(("html",)).get_content()
    assert "Größer &lt;b&gt;" in page and "<b>" not in page
    assert box.mails.empty()


def test_without_a_mail_server_the_members_are_told(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    alert(server)
    # The time limit of the test bounds the wait.
    while not any(note["title"].startswith("A mail could not be sent") for note in call(server, "notifications_list", {})):
        time.sleep(0.05)


def test_many_long_addresses_stand_on_lines_that_mail_allows(
    make_server: Callable[..., Server], inbox: tuple[Inbox, int]
) -> None:
    box, port = inbox
    server = make_server(
        AGENTOS_SMTP_URL=f"smtp://ada:p%40ss@127.0.0.1:{port}?tls=off", AGENTOS_MAIL_FROM="agentos@example.com"
    ).start()
    addresses = [f"{'a' * 60}{number:02}@{'b' * 60}.example.com" for number in range(20)]
    rule = call(
        server, "alerts_create",
        {"name": "Many", "condition_type": "run_failed", "channels": ["email"],
         "notification_config": {"email": " , ".join(addresses)}},
    )  # fmt: skip
    call(server, "alerts_test", {"alert_id": rule["id"]})
    envelope = box.mails.get(timeout=60)
    assert envelope.rcpt_tos == addresses
    assert max(len(line) for line in envelope.content.split(b"\r\n")) <= 998
    mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert [address.addr_spec for address in mail["to"].addresses] == addresses


def test_a_refused_recipient_keeps_the_mail_from_nobody_else(
    make_server: Callable[..., Server], inbox: tuple[Inbox, int]
) -> None:
    box, port = inbox
    box.answers = {"ada@example.com": ["550 No such user"] * 20, "bob@example.com": ["450 Come back later"]}
    server = make_server(
        AGENTOS_SMTP_URL=f"smtp://ada:p%40ss@127.0.0.1:{port}?tls=off", AGENTOS_MAIL_FROM="agentos@example.com"
    ).start()
    rule = call(
        server, "alerts_create",
        {"name": "Failures", "condition_type": "run_failed", "channels": ["email"],
         "notification_config": {"email": "ada@example.com, bob@example.com, eve@example.com"}},
    )  # fmt: skip
    call(server, "alerts_test", {"alert_id": rule["id"]})
    assert box.mails.get(timeout=60).rcpt_tos == ["eve@example.com"]
    # Who was refused for now gets it a moment later, who was for good is named to the members.
    assert box.mails.get(timeout=60).rcpt_tos == ["bob@example.com"]
    while not any("ada@example.com (550)" in note["body"] for note in call(server, "notifications_list", {})):
        time.sleep(0.05)
    assert box.mails.empty()


def test_a_mail_that_everybody_is_refused_for_good_is_given_up_at_once(
    make_server: Callable[..., Server], inbox: tuple[Inbox, int]
) -> None:
    box, port = inbox
    box.answers = {name: ["550 No such user"] * 20 for name in ("ada@example.com", "bob@example.com")}
    server = make_server(
        AGENTOS_SMTP_URL=f"smtp://ada:p%40ss@127.0.0.1:{port}?tls=off", AGENTOS_MAIL_FROM="agentos@example.com"
    ).start()
    alert(server)
    while not any(note["title"].startswith("A mail reached nobody") for note in call(server, "notifications_list", {})):
        time.sleep(0.05)
    assert [len(left) for left in box.answers.values()] == [19, 19]
    while call(server, "jobs_list", {"kind": "mail.send"}):
        time.sleep(0.05)


def test_a_mail_server_that_says_nothing_holds_up_no_stop(make_server: Callable[..., Server]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        server = make_server(
            AGENTOS_SMTP_URL=f"smtp://127.0.0.1:{listener.getsockname()[1]}?tls=off",
            AGENTOS_MAIL_FROM="agentos@example.com",
        ).start()
        alert(server)
        connection, _ = listener.accept()
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        connection.close()
        # The mail is not lost: the next start tries it again.
        server.start()
        listener.accept()[0].close()
