"""Outbound webhooks, as a receiver checks them: with the verifier of Standard Webhooks and with the vendor's header."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from kit.api import Api, eventually
from kit.server import Server


class Receiver:
    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver.answers.pop(0) if receiver.answers else 204
                if status < 300:
                    receiver.seen.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.server.shutdown()
    one.server.server_close()


def test_deliveries_pass_the_standard_verifier(make_server: Callable[..., Server], receiver: Receiver) -> None:
    server = make_server(AGENTOS_OUTBOUND_ALLOW="127.0.0.0/8", AGENTOS_WEBHOOK_RETRY_SECONDS="0.1,0.1,0.1").start()
    ws = Api(server.base, server.credentials["workspace_key"])
    made = ws.rpc("webhooks_create", url=receiver.url, events=["run.completed"])
    receiver.answers = [500, 503]
    run = ws.rpc("runs_invoke", agent_id=server.credentials["hosted_agent_id"], input={"message": "Zwölf \u2028 Boxkämpfer"})
    eventually(lambda: receiver.seen, what="the delivery after two refusals")
    headers, body = receiver.seen[0]
    verifier = Webhook(made["webhook_secret"])
    assert verifier.verify(body, headers)["data"]["run_id"] == run["run_id"]
    with pytest.raises(WebhookVerificationError):
        verifier.verify(body + b" ", headers)
    digest = hmac.new(made["webhook_secret"].encode(), body, hashlib.sha256).hexdigest()
    assert headers["x-agentos-signature"] == f"sha256={digest}"
    log = ws.rpc("webhooks_deliveries", webhook_id=made["id"])
    assert [(d["status"], d["attempts"]) for d in log] == [("delivered", 3)]
    assert json.loads(body)["event"] == "run.completed" and headers["webhook-id"] == log[0]["id"]
    # The same delivery again has the same id, by which a receiver knows it.
    ws.rpc("webhooks_redeliver", delivery_id=log[0]["id"])
    eventually(lambda: len(receiver.seen) == 2, what="the delivery once more")
    assert receiver.seen[1][0]["webhook-id"] == log[0]["id"] and receiver.seen[1][1] == body
