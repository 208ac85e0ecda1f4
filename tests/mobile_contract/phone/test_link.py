import gzip
import json

import pytest
import zstandard

from mobile_contract.phone.link import Link, Problem, unpack
from mobile_contract.phone.transport import Answer, HttpTransport, LinkFailure, Request

BODY = {"text": "x" * 1000}


class Echo:
    """Keeps the request and gives the answer it was made with."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.request: Request | None = None

    def exchange(self, request: Request) -> Answer:
        self.request = request
        return self.answer

    def close(self) -> None:
        pass


def fine(**headers: str) -> Answer:
    return Answer(200, headers, b"{}")


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity"])
def test_what_goes_up_is_packed_as_the_header_says(encoding: str) -> None:
    echo = Echo(fine())
    link = Link(echo, encoding=encoding)
    link.ask("/v1/push", BODY, token="t")
    assert echo.request is not None
    assert echo.request.headers.get("Content-Encoding", "identity") == encoding
    unpacked = unpack(Answer(200, {"content-encoding": encoding}, echo.request.body))
    assert json.loads(unpacked) == BODY
    assert echo.request.headers["Authorization"] == "Bearer t"
    assert link.traffic.up_raw_bytes == len(unpacked)
    assert link.traffic.up_wire_bytes == len(echo.request.body)


def test_an_answer_of_several_frames_is_read_to_its_end() -> None:
    frames = b"".join(zstandard.ZstdCompressor().compress(part) for part in (b'{"a"', b":1}"))
    assert unpack(Answer(200, {"content-encoding": "zstd"}, frames)) == b'{"a":1}'
    members = gzip.compress(b'{"a"') + gzip.compress(b":1}")
    assert unpack(Answer(200, {"content-encoding": "gzip"}, members)) == b'{"a":1}'


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_cut_answer_is_no_answer(encoding: str) -> None:
    whole = json.dumps({"text": "".join(map(chr, range(33, 126))) * 50}).encode()
    packed = (
        gzip.compress(whole) if encoding == "gzip" else zstandard.ZstdCompressor().compress(whole)
    )
    cut = Answer(200, {"content-encoding": encoding}, packed[: len(packed) // 2])
    with pytest.raises(LinkFailure):
        Link(Echo(cut)).ask("/v1/pull", {}, token=None, expected=("text",))


@pytest.mark.parametrize("body", [b"<html>Log in to the hotel</html>", b"[]", b"{}", b""])
def test_an_answer_of_something_in_between_is_no_answer(body: bytes) -> None:
    with pytest.raises(LinkFailure):
        Link(Echo(Answer(200, {}, body))).ask("/v1/pull", {}, token=None, expected=("epoch",))


def test_a_problem_tells_its_code_and_how_long_to_wait() -> None:
    body = json.dumps({"code": "busy", "detail": "later", "retry_after_s": 7}).encode()
    with pytest.raises(Problem) as raised:
        Link(Echo(Answer(503, {}, body))).ask("/v1/pull", {}, token=None)
    problem = raised.value
    assert (problem.status, problem.code, problem.retry_after_s) == (503, "busy", 7)
    assert problem.is_passing


def test_a_proxys_refusal_is_a_problem_too() -> None:
    answer = Answer(502, {"retry-after": "30"}, b"<html>Bad gateway</html>")
    with pytest.raises(Problem) as raised:
        Link(Echo(answer)).ask("/v1/pull", {}, token=None)
    assert (raised.value.code, raised.value.retry_after_s) == ("http_502", 30)


def test_a_date_in_retry_after_is_not_used_because_clocks_are_wrong() -> None:
    answer = Answer(503, {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, b"{}")
    with pytest.raises(Problem) as raised:
        Link(Echo(answer)).ask("/v1/pull", {}, token=None)
    assert raised.value.retry_after_s is None


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="address"):
        HttpTransport("roadbook.example")
