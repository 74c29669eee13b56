"""Webhooks: at the right moment, signed as each provider signs, and faulty when asked to be."""

import base64
import hashlib
import hmac
import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from gateway.sandbox.providers import signatures


@pytest.fixture
def receiver():
    """A server that puts every POST it gets (headers, body) into its queue."""
    received = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            received.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    received.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield received
    server.shutdown()
    thread.join()
    server.server_close()


def advance(sandbox, seconds):
    sandbox.post("/__sandbox/clock", json={"mode": "virtual", "advance_s": seconds})


def start_kie(sandbox, receiver, prompt="x"):
    body = {"model": "flux", "input": {"prompt": prompt}, "callBackUrl": receiver.url}
    return sandbox.post("/api/v1/jobs/createTask", json=body).json()["data"]["taskId"]


def kie_is_genuine(headers, task_id):
    text = f"{task_id}.{headers['x-webhook-timestamp']}"
    expected = hmac.new(signatures.KIE_KEY.encode(), text.encode(), hashlib.sha256).digest()
    return headers["x-webhook-signature"] == base64.b64encode(expected).decode()


def test_kie_tells_the_end_and_not_before(sandbox, receiver):
    advance(sandbox, 0)
    task_id = start_kie(sandbox, receiver)
    advance(sandbox, 9)
    with pytest.raises(queue.Empty):
        receiver.get(timeout=0.05)
    advance(sandbox, 2)
    headers, body = receiver.get(timeout=30)
    document = json.loads(body)
    assert (document["code"], document["data"]["taskId"], document["data"]["state"]) == (
        200,
        task_id,
        "success",
    )
    assert kie_is_genuine(headers, task_id)


def test_webhook_comes_by_itself_in_real_time(sandbox, receiver):
    start_kie(sandbox, receiver, "[[sbx:task_s=0.1]]")
    assert json.loads(receiver.get(timeout=30)[1])["data"]["state"] == "success"


def test_failure_is_told_too(sandbox, receiver):
    start_kie(sandbox, receiver, "[[sbx:task=fail;task_s=0]]")
    document = json.loads(receiver.get(timeout=30)[1])
    assert (document["code"], document["data"]["state"]) == (501, "fail")


def test_duplicate_comes_twice(sandbox, receiver):
    start_kie(sandbox, receiver, "[[sbx:webhook=duplicate;task_s=0]]")
    first, second = receiver.get(timeout=30), receiver.get(timeout=30)
    assert json.loads(first[1])["data"]["taskId"] == json.loads(second[1])["data"]["taskId"]


def test_late_one_comes_a_minute_after(sandbox, receiver):
    advance(sandbox, 0)
    start_kie(sandbox, receiver, "[[sbx:webhook=late]]")
    advance(sandbox, 69)
    with pytest.raises(queue.Empty):
        receiver.get(timeout=0.05)
    advance(sandbox, 2)
    assert receiver.get(timeout=30)


def test_forged_one_claims_success_early_with_a_wrong_signature(sandbox, receiver):
    advance(sandbox, 0)
    task_id = start_kie(sandbox, receiver, "[[sbx:webhook=forged;task=fail]]")
    headers, body = receiver.get(timeout=30)
    assert json.loads(body)["data"]["state"] == "success"
    assert not kie_is_genuine(headers, task_id)
    advance(sandbox, 11)
    headers, body = receiver.get(timeout=30)
    assert json.loads(body)["data"]["state"] == "fail"
    assert kie_is_genuine(headers, task_id)


def test_none_is_sent_when_told_so(sandbox, receiver):
    start_kie(sandbox, receiver, "[[sbx:webhook=none;task_s=0]]")
    with pytest.raises(queue.Empty):
        receiver.get(timeout=0.05)


def test_suno_tells_its_songs(sandbox, receiver):
    body = {"prompt": "[[sbx:task_s=0]] a song", "model": "V5", "customMode": False, "instrumental": True}
    sandbox.post("/api/v1/generate", json={**body, "callBackUrl": receiver.url})
    data = json.loads(receiver.get(timeout=30)[1])["data"]
    assert (data["callbackType"], len(data["data"])) == ("complete", 2)
    assert data["data"][0]["audio_url"].endswith(".mp3")


def test_replicate_signs_its_body_and_tells_start_and_end(sandbox, receiver):
    advance(sandbox, 0)
    body = {"version": "v", "input": {"prompt": "x"}, "webhook": receiver.url}
    sandbox.post("/v1/predictions", json=body)
    first = receiver.get(timeout=30)
    advance(sandbox, 11)
    second = receiver.get(timeout=30)
    assert [json.loads(one[1])["status"] for one in (first, second)] == ["starting", "succeeded"]
    secret = sandbox.get("/v1/webhooks/default/secret").json()["key"]
    key = base64.b64decode(secret.removeprefix("whsec_"))
    for headers, content in (first, second):
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + content
        expected = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"


def test_replicate_filter_leaves_only_the_end_and_a_cancel_is_told(sandbox, receiver):
    advance(sandbox, 0)
    body = {"version": "v", "input": {}, "webhook": receiver.url, "webhook_events_filter": ["completed"]}
    prediction = sandbox.post("/v1/predictions", json=body).json()
    sandbox.client.post(prediction["urls"]["cancel"])
    assert json.loads(receiver.get(timeout=30)[1])["status"] == "canceled"
    advance(sandbox, 11)
    with pytest.raises(queue.Empty):
        receiver.get(timeout=0.05)


def test_wavespeed_signs_with_its_secret_as_it_is(sandbox, receiver):
    sandbox.post(f"/api/v3/wavespeed-ai/flux?webhook={receiver.url}", json={"prompt": "[[sbx:task_s=0]]"})
    headers, body = receiver.get(timeout=30)
    key = sandbox.get("/api/v3/webhook/secret").json()["data"]["secret"].removeprefix("whsec_").encode()
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert headers["webhook-signature"] == "v3," + hmac.new(key, text, hashlib.sha256).hexdigest()
    assert json.loads(body)["status"] == "completed"


def test_fal_tells_the_payload(sandbox, receiver):
    sandbox.post(f"/fal-ai/flux/dev?fal_webhook={receiver.url}", json={"prompt": "[[sbx:task_s=0]]"})
    headers, body = receiver.get(timeout=30)
    document = json.loads(body)
    assert document["status"] == "OK"
    assert document["payload"]["images"][0]["url"].endswith(".png")
    assert headers["x-fal-webhook-request-id"] == document["request_id"]
    assert len(bytes.fromhex(headers["x-fal-webhook-signature"])) == 64


def test_deliveries_are_listed(sandbox, receiver):
    task_id = start_kie(sandbox, receiver, "[[sbx:task_s=0]]")
    receiver.get(timeout=30)
    deadline = time.monotonic() + 30
    listed = []
    while not listed and time.monotonic() < deadline:
        listed = sandbox.get("/__sandbox/webhooks", params={"task": task_id}).json()["webhooks"]
    assert [(sent["status"], sent["attempt"], sent["forged"]) for sent in listed] == [(200, 1, False)]
