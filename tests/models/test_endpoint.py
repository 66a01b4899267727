"""endpoint: what is sent where, what is tried again, and what each answer of a real server comes to."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from chat_server import Reply, said, serving

from docphim.errors import Refused, UsageError
from docphim.models import endpoint
from docphim.models.address import check_upload, parse, secret
from docphim.models.endpoint import Answer, Endpoint, side_by_side

ASKED = [{"role": "user", "content": "Mô tả hình ảnh."}]


def open_endpoint(server, **more):
    return Endpoint(server.url, "m", **{"pause_s": 0.001, "retries": 2} | more)


def ask(answer, **more):
    """The answer to one conversation, and the requests that the server saw."""
    with serving(answer) as server, open_endpoint(server, **more) as client:
        return client.chat(ASKED), server.requests


def in_turn(*replies):
    """Answers one after the other; exceptions are raised."""
    left = list(replies)

    def answer(server, row):
        reply = left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return answer


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (said("Tim không to."), Answer("Tim không to.", "stop")),
        (said("Tim", "length"), Answer("Tim", "length")),
        (said(None, "length"), Answer("", "length")),
        (said("", "stop"), Answer("", "stop")),
        (said("Tim.", None), Answer("Tim.", "stop")),
        (said([{"type": "text", "text": "Tim "}, {"type": "text", "text": "to."}]), Answer("Tim to.", "stop")),
        (said("x", "content_filter"), Answer("", "refused", "content_filter")),
        (said(None, "stop", refusal="I cannot help with that."), Answer("", "refused", "refusal")),
        (said("a\ud800b"), Answer("a?b", "stop")),
        (said(None), Answer("", "failed", "the answer holds no text")),
        ({"choices": []}, Answer("", "failed", "the answer holds no message")),
        ({"choices": [None]}, Answer("", "failed", "the answer holds no message")),
        ({"choices": [{"message": "Tim."}]}, Answer("", "failed", "the answer holds no message")),
        ({"error": "no"}, Answer("", "failed", "the answer holds no message")),
        ([], Answer("", "failed", "the answer holds no message")),
    ],
)
def test_an_answer_is_read_for_what_it_is(body, expected):
    # Lone surrogates travel as \\ud800.
    reply = Reply(200, json.dumps(body).encode())
    assert ask(in_turn(reply))[0] == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"choices": [{"mess', b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_a_failure_with_a_reason(body):
    answer, requests = ask(in_turn(Reply(200, body)))
    assert answer == Answer("", "failed", "the answer is not JSON") and len(requests) == 1


def test_an_answer_too_large_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(endpoint, "LARGEST", 10_000)
    answer, _ = ask(in_turn(said("x" * 20_000)))
    assert answer.finish == "failed" and "larger" in answer.why


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_what_passes_is_tried_again(status):
    answer, requests = ask(in_turn(Reply(status), Reply(status), "Tim."))
    assert answer.text == "Tim." and len(requests) == 3


@pytest.mark.parametrize(("status", "attempts"), [(500, 3), (503, 3), (400, 1), (413, 1), (422, 1)])
def test_what_does_not_pass_is_a_failure_after_so_many_attempts(status, attempts):
    body = b'{"error": {"message": "PLANTED report text", "type": "bad_thing", "code": null}}'
    answer, requests = ask(in_turn(*[Reply(status, body)] * 3))
    assert answer == Answer("", "failed", f"the server said {status} (bad_thing)") and len(requests) == attempts


@pytest.mark.parametrize(("status", "code"), [(400, "content_filter"), (400, "content_policy_violation"), (403, "SAFETY")])
def test_a_refusal_told_by_an_error_code_is_a_refusal(status, code):
    answer, _ = ask(in_turn(Reply(status, json.dumps({"error": {"code": code}}).encode())))
    assert (answer.finish, answer.why) == ("refused", code)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_model_stops_all_where_nothing_was_answered_yet(status):
    with pytest.raises(Refused, match=rf"endpoint_failing: 127\.0\.0\.1:\d+: the server said {status}"):
        ask(in_turn(Reply(status)))
    with serving(in_turn("Tim.", Reply(status), "Phổi.")) as server, open_endpoint(server) as client:
        assert [client.chat(ASKED).finish for _ in range(3)] == ["stop", "failed", "stop"]


def test_the_server_says_how_long_to_wait():
    asked, pauses = Endpoint("http://127.0.0.1:9/v1", "m", pause_s=1), []
    with asked:
        pauses = [asked._pause(n, None) for n in range(12)]
        assert asked._pause(0, 7.5) == 7.5 and asked._pause(0, 9999.0) == endpoint.LONGEST_PAUSE and asked._pause(3, -5) == 0
    assert all(0.5 * min(2.0**n, 60) <= pause <= min(2.0**n, 60) for n, pause in enumerate(pauses))
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert endpoint._retry_after("3") == 3 and 25 < endpoint._retry_after(soon) <= 30
    assert [endpoint._retry_after(text) for text in (None, "", "soon", "1e9", "-1")] == [None] * 5


def test_a_retry_after_is_waited_for():
    # The client's own pause would be ten minutes: only by the server's word does the answer come.
    answer, requests = ask(in_turn(Reply(429, Retry_After="0"), "Tim."), pause_s=1200)
    assert answer.text == "Tim." and len(requests) == 2


def test_a_silent_server_is_given_up_after_the_timeout_in_each_attempt():
    def silent(server, row):
        server.release.wait(30)
        raise Reply(500)

    answer, requests = ask(silent, timeout_s=0.5, retries=1)
    assert answer == Answer("", "failed", "no answer within 0.5 s") and len(requests) == 2


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"])
def test_a_server_that_drips_cannot_hold_an_attempt_longer_than_the_timeout(head):
    """Each byte comes well within any time between bytes; only the attempt as a whole is too long."""
    stop, listening = threading.Event(), socket.create_server(("127.0.0.1", 0))

    def drip():
        with listening, listening.accept()[0] as connection:
            try:
                connection.sendall(head or b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not stop.wait(0.02):
                    connection.sendall(b"x")
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    with Endpoint(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", "m", timeout_s=0.3, retries=0) as client:
        answer = client.chat(ASKED)
    stop.set()
    thread.join()
    assert answer.why == "no answer within 0.3 s"


def test_a_server_that_is_not_there_stops_all():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with (
        Endpoint(f"http://127.0.0.1:{port}/v1", "m", retries=1, pause_s=0.001) as client,
        pytest.raises(Refused, match=r"endpoint_failing.*no connection.*goes on from there"),
    ):
        client.chat(ASKED)


def test_a_server_that_only_fails_is_not_asked_for_ever():
    with serving(lambda *_: (_ for _ in ()).throw(Reply(500))) as server, open_endpoint(server, retries=0) as client:
        for _ in range(endpoint.GIVE_UP - 1):
            assert client.chat(ASKED).finish == "failed"
        for _ in range(3):
            with pytest.raises(Refused, match="20 requests in a row failed, the last: the server said 500"):
                client.chat(ASKED)
        assert len(server.requests) == endpoint.GIVE_UP


def test_requests_that_are_under_way_when_one_ends_it_all_end_with_the_same_words():
    both = threading.Barrier(2)

    def answer(server, row):
        both.wait(60)
        raise Reply(401)

    def refusal(client):
        with pytest.raises(Refused) as refused:
            client.chat(ASKED)
        return str(refused.value)

    with serving(answer) as server, open_endpoint(server, concurrency=2) as client, ThreadPoolExecutor(2) as pool:
        words = list(pool.map(refusal, [client] * 2))
    assert len(server.requests) == 2 and len(set(words)) == 1 and "the server said 401; what was answered" in words[0]


def test_a_connection_that_breaks_is_tried_again():
    def broken(server, row):
        if len(server.requests) == 1:
            raise Reply(200, b"", Content_Length="50")  # says more than it sends
        return "Tim."

    answer, requests = ask(broken, timeout_s=2)
    assert answer.text == "Tim." and len(requests) == 2


def test_a_redirect_is_not_followed():
    with serving(lambda *_: "from elsewhere") as elsewhere:
        for status in (301, 302, 307, 308):
            with pytest.raises(Refused, match=f"{status}: a redirect, which is not followed"):
                ask(in_turn(Reply(status, b"", Location=f"{elsewhere.url}/chat/completions")))
        assert elsewhere.requests == []


def test_no_proxy_of_the_environment_is_used(monkeypatch):
    with serving(lambda *_: "from the proxy") as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        assert ask(in_turn("Tim."))[0].text == "Tim."
        assert proxy.requests == []


def test_the_request_is_as_the_recipe_says(monkeypatch):
    monkeypatch.setenv("PLANTED_KEY", "sk-planted")
    with serving(in_turn("Tim.")) as server:
        body = {"max_tokens": None, "max_completion_tokens": 7, "reasoning_effort": "low"}
        with open_endpoint(server, key_env="PLANTED_KEY", body=body) as client:
            client.chat(ASKED, temperature=0.0, max_tokens=5, seed=3)
        expected = {"model": "m", "messages": ASKED, "temperature": 0.0, "seed": 3}
        assert server.requests == [expected | {"max_completion_tokens": 7, "reasoning_effort": "low"}]
        assert server.keys == ["Bearer sk-planted"] and server.paths == ["/v1/chat/completions"]


def test_so_many_requests_are_under_way_at_once_and_no_more():
    taken, together = [], threading.Barrier(3)

    def items():
        for n in range(20):
            taken.append(n)
            yield n

    def busy(server, row):
        if len(server.requests) <= 3:
            together.wait(20)  # three are needed to go on
        server.release.wait(0.05)  # more than three would meet here
        return row["messages"][0]["content"]

    with serving(busy) as server, open_endpoint(server, concurrency=3) as client:
        got = []
        for answer in side_by_side(lambda n: client.chat([{"role": "user", "content": str(n)}]), items(), 8):
            got.append(answer.text)
            assert len(taken) <= len(got) + 16
        assert sorted(map(int, got)) == list(range(20)) and server.most == 3


def test_an_error_loses_no_answer_that_came_with_it():
    def work(n):
        if n == 0:
            raise KeyError(n)
        return n

    got = []
    with pytest.raises(KeyError):
        got.extend(side_by_side(work, [0, 1], 1))
    first = side_by_side(work, [1, 0], 1)
    assert next(first) == 1


def test_closing_ends_what_is_under_way():
    def silent(server, row):
        server.release.wait(30)
        raise Reply(500)

    with serving(silent) as server:
        client = open_endpoint(server, timeout_s=30)
        answers = side_by_side(lambda _: client.chat(ASKED), range(1), 1)
        threading.Timer(0.2, client.close).start()
        start = time.monotonic()
        with pytest.raises(BaseException) as ended:
            next(answers)
        assert "Cancelled" in type(ended.value).__name__ and time.monotonic() - start < 10
        client.close()
        with pytest.raises(CancelledError):  # and does not wait for ever
            client.chat(ASKED)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8000/v1", []),
        ("http://localhost:8000/v1/", []),
        ("https://LOCALHOST", []),
        ("http://[::1]:8000/v1", []),
        ("http://127.8.8.8/v1", []),
        ("https://api.example.org/v1", ["api.example.org"]),
        ("https://api.example.org/v1", ["other.example.org", "API.example.org:443"]),
        ("https://api.example.org:8443/v1", ["https://api.example.org:8443"]),
        ("http://10.0.0.5:8000/v1", ["http://10.0.0.5"]),
        ("https://10.0.0.5:8000/v1", ["http://10.0.0.5:8000"]),
    ],
)
def test_data_may_go_to_this_machine_and_to_hosts_the_recipe_names(url, allowed):
    assert check_upload(url, allowed).chat.endswith("/chat/completions")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://api.example.org/v1", []),
        ("https://api.example.org/v1", ["example.org"]),
        ("https://example.org/v1", ["api.example.org"]),
        ("https://api.example.org.evil.net/v1", ["api.example.org"]),
        ("https://api.example.org/v1", ["api.example.org:8443"]),
        ("http://10.0.0.5:8000/v1", ["10.0.0.5"]),
        ("http://127.0.0.1.evil.net/v1", []),
        ("http://localhost.evil.net/v1", []),
        ("http://127.1/v1", []),
        ("http://2130706433/v1", []),
        ("http://0.0.0.0:8000/v1", []),
        ("http://[::ffff:10.0.0.5]/v1", []),
    ],
)
def test_no_other_host_is_sent_anything(url, allowed):
    with pytest.raises(Refused, match=r"upload_not_allowed.*nothing was sent"):
        Endpoint(url, "m", allow_upload=allowed)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "ftp://127.0.0.1/v1",
        "file:///etc/passwd",
        "http://user:PLANTED@127.0.0.1/v1",
        "http://127.0.0.1@evil.net/v1",
        "http://127.0.0.1\\@evil.net/v1",
        "http://127.0.0.1#@evil.net/v1",
        "http://127.0.0.1%00.evil.net/v1",
        "http://127.0.0.1/v1?key=PLANTED",
        "http://127.0.0.1:0/v1",
        "http://127.0.0.1:99999/v1",
        "http://ｌocalhost/v1",
        "http://127.0.0.1/v1\nHost: evil.net",
    ],
)
def test_what_is_no_plain_address_is_a_usage_error_that_repeats_nothing(url):
    with pytest.raises(UsageError) as error:
        parse(url, "generate.endpoint")
    assert "PLANTED" not in str(error.value)


@pytest.mark.parametrize("entry", ["*", "*.example.org", "https://a.org/v1", "a.org b.org", ""])
def test_an_entry_that_is_no_host_is_named(entry):
    with pytest.raises(UsageError, match="allow_upload"):
        check_upload("https://a.org/v1", [entry])


@pytest.mark.parametrize("value", ["", "  ", "two words", "khóa", "line\nbreak"])
def test_a_key_that_cannot_be_one_is_a_usage_error_that_does_not_repeat_it(value, monkeypatch):
    monkeypatch.setenv("PLANTED_KEY", value)
    with pytest.raises(UsageError, match=r"generate\.key_env: the environment variable PLANTED_KEY") as error:
        secret("PLANTED_KEY", "generate.key_env")
    assert not value.strip() or value not in str(error.value)


def test_nothing_that_opens_no_connection_loads_the_client_and_the_client_loads_no_torch():
    # (blosc2, which the stages read films with, brings httpx along.)
    code = (
        "import sys, docphim.cli, docphim.run, docphim.models.endpoint; assert 'httpx' not in sys.modules;"
        "import docphim.generate.openai, docphim.evaluate.tables; print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tmp_path):
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    made = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", "req", "-x509", *made, *files], capture_output=True, check=True)
    with serving(lambda *_: "Tim.", certificate=(tmp_path / "cert.pem", tmp_path / "key.pem")) as server:
        assert server.url.startswith("https://")
        with open_endpoint(server, retries=0) as client, pytest.raises(Refused, match=r"endpoint_failing.*certificate"):
            client.chat(ASKED)
        assert server.requests == []
        # The same server, once its authority is among the system's.
        code = "import sys; from docphim.models.endpoint import Endpoint; print(Endpoint(sys.argv[1], 'm').chat([]).text)"
        trusting = os.environ | {"SSL_CERT_FILE": str(tmp_path / "cert.pem")}
        out = subprocess.run([sys.executable, "-c", code, server.url], capture_output=True, text=True, env=trusting)
        assert out.stdout == "Tim.\n", out.stderr
