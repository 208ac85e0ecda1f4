"""The phone API: a view reads the body, calls one function, answers.

Schemas of bodies are checked in compiled code (`mobile_contract.compiled`) and answers come from the
engine as bytes; flask-smorest only documents these routes, none of its wrappers runs.
"""

from typing import Any

import msgspec
from flask import Response, request
from flask_smorest import Blueprint

from mobile_contract.compiled import (
    decode_digest,
    decode_enrol,
    decode_pull,
    decode_push,
    decode_token,
)
from mobile_contract.version import BOUNDS
from server.http.bearer import read_claim
from server.http.bodies import read_body
from server.http.callers import SMALL_BODY, WHOLE_BODY, Caller, callable_by
from server.http.operations import documented
from server.http.packing import HEADER_MAX, choose_encoding, pack
from server.http.service import Service
from server.identity import devices
from server.identity.throttle import ENROL_ADDRESS, Try, spend
from sync.bodies import PackedBody
from sync.deadline import deadline_after
from sync.deadline import wall_clock_ms as now_ms
from sync.epoch import current_epoch

MEDIA_TYPE = "application/json"


def answer_json(body: bytes, status: int = 200) -> Response:
    """A JSON answer, packed as the client asked."""
    sent, encoding = pack(body, request.environ.get("HTTP_ACCEPT_ENCODING", ""))
    headers = {"Vary": "Accept-Encoding", "Cache-Control": "no-store"}
    if encoding is not None:
        headers["Content-Encoding"] = encoding
    return Response(sent, status, headers, content_type=MEDIA_TYPE)


def phone_routes(service: Service) -> Blueprint:
    """The routes of PROTOCOL.md for phones."""
    routes = Blueprint("phone", __name__, url_prefix="/v1", description="What phones call.")
    engine = service.engine
    within_s, longest_s = service.body_read_s, service.longest_push_s

    @routes.route("/devices/enrol", methods=["POST"])
    @callable_by(Caller.ENROLLING, SMALL_BODY)
    @documented("enrol")
    def enrol() -> Response:
        """Become a device of the person to whom the one-time code was given"""
        asked = decode_enrol(read_body(request.environ, SMALL_BODY, within_s=within_s))
        tries = [Try(ENROL_ADDRESS, request.remote_addr or "")]
        spend(service.tries, tries)
        facts = devices.DeviceInfo(
            model=asked.device.model, os=asked.device.os, app_version=asked.device.app_version
        )
        enrolled = devices.enrol(service.database, asked.code, facts, asked.contract)
        with service.database.installation() as uow:
            epoch = current_epoch(uow.driver).name
        service.tries.take_back(tries)
        return answer_json(msgspec.json.encode(_enrol_answer(enrolled, epoch)), 201)

    @routes.route("/devices/token", methods=["POST"])
    @callable_by(Caller.DEVICE_PULL, SMALL_BODY)
    @documented("rotate_token")
    def rotate_token() -> Response:
        """Get a new token; the old one works until the new one was used in a push"""
        claim = read_claim(request.environ)
        decode_token(read_body(request.environ, SMALL_BODY, within_s=within_s))
        with service.database.company(claim.company_id) as uow:
            token = devices.rotate(uow, claim)
        return answer_json(msgspec.json.encode({"token": token}))

    @routes.route("/push", methods=["POST"])
    @callable_by(Caller.DEVICE_PUSH, WHOLE_BODY)
    @documented("push")
    def push() -> Response:
        """Send what was captured; every item gets its own result"""
        # Taken before the body is read: an offset must not hold the time of a slow upload.
        received_at = now_ms()
        deadline = None if longest_s is None else deadline_after(longest_s, received_at)
        claim = read_claim(request.environ)
        envelope = decode_push(read_body(request.environ, WHOLE_BODY, within_s=within_s))
        pushed = engine.push(claim, envelope, received_at, deadline)
        service.instruments.count_push(pushed.counts)
        return answer_json(pushed.answer)

    @routes.route("/pull", methods=["POST"])
    @callable_by(Caller.DEVICE_PULL, SMALL_BODY)
    @documented("pull")
    def pull() -> Response:
        """Get what changed in the person's scope since the cursor"""
        received_at = now_ms()
        claim = read_claim(request.environ)
        asked = decode_pull(read_body(request.environ, SMALL_BODY, within_s=within_s))
        if asked.cursor is not None:
            return answer_json(engine.pull(claim, asked, received_at))
        with service.first_syncs.pass_through():
            return answer_json(engine.pull(claim, asked, received_at))

    @routes.route("/digest", methods=["POST"])
    @callable_by(Caller.DEVICE_PULL, WHOLE_BODY)
    @documented("digest")
    def digest() -> Response:
        """Compare what the phone holds with its scope, and repair what differs"""
        claim = read_claim(request.environ)
        asked = decode_digest(read_body(request.environ, WHOLE_BODY, within_s=within_s))
        if asked.buckets is None:
            return answer_json(engine.digest(claim, asked))
        with service.first_syncs.pass_through():
            return answer_json(engine.digest(claim, asked))

    @routes.route("/bodies/<string(length=64):sha256>", methods=["GET"])
    @callable_by(Caller.DEVICE_PULL)
    @documented("body")
    def body(sha256: str) -> Response:
        """Get a body that a record names; it never changes, so once is enough"""
        found = engine.body(read_claim(request.environ), sha256)
        return answer_body(found)

    return routes


def answer_body(found: PackedBody) -> Response:
    """A body as it was packed when it was kept, or that the client has it (RFC 9110, section 13.1.2)."""
    headers = {
        "ETag": f'W/"{found.sha256}"',
        "Cache-Control": "private, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
    }
    if request.if_none_match.contains_weak(found.sha256):
        return Response(None, 304, headers)
    encoding = choose_encoding(request.environ.get("HTTP_ACCEPT_ENCODING", "")[:HEADER_MAX])
    sent = {"zstd": found.zstd, "gzip": found.gzip}.get(encoding or "")
    if encoding is not None:
        headers["Content-Encoding"] = encoding
    return Response(
        found.unpacked() if sent is None else sent, 200, headers, content_type=found.media_type
    )


def _enrol_answer(enrolled: devices.EnrolAnswer, epoch: str) -> dict[str, Any]:
    return {
        "device_id": str(enrolled.device_id),
        "token": enrolled.token,
        "company": {
            "code": enrolled.company_code,
            "name": enrolled.company_name,
            "time_zone": enrolled.time_zone,
        },
        "person": {"id": str(enrolled.person_id), "name": enrolled.person_name},
        "epoch": epoch,
        "limits": BOUNDS,
    }
