"""Sending the bytes of pictures, over links that break: tus 1.0, as in PROTOCOL.md, heading "Sending files".

Each file is announced once and then sent in parts. Whatever breaks, the server is asked how much of it
arrived, and the rest is sent; what was refused for good is set aside and shown. Waiting is as in
the sync: random, longer each time, never shorter than `Retry-After`, and every part that arrived
ends the row.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mobile_contract.phone.link import Problem
from mobile_contract.phone.photos import Picture, PictureState, ask_again, drop_stored, stored_at
from mobile_contract.phone.transport import Answer, LinkFailure

if TYPE_CHECKING:
    from mobile_contract.phone.phone import Phone

MEDIA = "/v1/media"
PART_BYTES = 1024 * 1024
# A file that the server wants to have from its begin so often is set aside.
TRIES = 3

_TUS = {"Tus-Resumable": "1.0.0"}
_CREATED = 201
_TAKEN = 204
# The server knows nothing of this upload, or dropped it: it begins anew.
_GONE = frozenset({404, 410})
_OTHER_OFFSET = 409
# Of the device or of the moment, not of the file.
_NOT_OF_THE_FILE = frozenset({401, 403, 423})


@dataclass(slots=True)
class UploadReport:
    """How the sending of files went; quiet when none is left that may be sent."""

    was_due: bool = False
    uploaded: int = 0
    # The server had them already: not a byte was sent.
    at_once: int = 0
    bytes: int = 0
    resumed: int = 0
    set_aside: int = 0
    dropped: int = 0
    still_to_send: int = 0
    failure: LinkFailure | Problem | None = None

    def add(self, later: UploadReport) -> None:
        """Go on counting with a later report; what is left to send is what that says."""
        for name in ("uploaded", "at_once", "bytes", "resumed", "set_aside", "dropped"):
            setattr(self, name, getattr(self, name) + getattr(later, name))
        self.was_due = self.was_due or later.was_due
        self.still_to_send, self.failure = later.still_to_send, later.failure

    @property
    def is_quiet(self) -> bool:
        return self.failure is None and not self.still_to_send


def upload_photos(phone: Phone, *, most_tries: int = 1) -> UploadReport:
    """Send what the server does not have, oldest first, if it is due; with `most_tries` above 1 until quiet,
    waiting in between. Failures are in the report, not raised.
    """
    report = UploadReport()
    for _ in range(most_tries):
        _try(phone, report)
        if report.is_quiet or phone.device.is_signed_out:
            break
        if most_tries > 1:
            phone.wait_ms(upload_wait_ms(phone))
    report.dropped += drop_stored(phone)
    if phone.device.is_wipe_due:
        # The server has said so, and these bytes were the last that kept the phone from it.
        phone.device.wipe()
    phone.link.close()
    return report


def upload_wait_ms(phone: Phone) -> int:
    """When to call `upload_photos` again after a failure; 0 when nothing has failed."""
    return phone.upload_backoff.wait_ms(phone.read_clock())


def _try(phone: Phone, report: UploadReport) -> None:
    if phone.device.is_signed_out or upload_wait_ms(phone):
        report.still_to_send = phone.pictures.to_send()
        return
    report.was_due = True
    report.failure = None
    try:
        _send_all(phone, report)
    except (LinkFailure, Problem) as failure:
        report.failure = failure
        wait_s = None
        if isinstance(failure, Problem):
            wait_s = failure.retry_after_s
            if failure.code == "token_invalid":
                phone.device.note_signed_out()
        phone.upload_backoff.note_failure(phone.read_clock(), retry_after_s=wait_s)
    report.still_to_send = phone.pictures.to_send()


def _send_all(phone: Phone, report: UploadReport) -> None:
    """Send one file after the other; one that is refused holds up none of them. Raises what stands against
    all, and at the end what stood against one.
    """
    ask_again(phone)
    stored = stored_at(phone)
    refused: Problem | None = None
    for picture in phone.pictures.all(PictureState.WAITING):
        if picture.sha256 in stored:
            phone.pictures.note_uploaded(picture, phone.device.pulled_at)
            continue
        try:
            _send(phone, picture, report)
        except Problem as problem:
            if problem.is_passing or problem.status in _NOT_OF_THE_FILE:
                raise
            if not _is_set_aside(phone, picture, problem):
                refused = problem
            else:
                report.set_aside += 1
        else:
            report.uploaded += 1
            phone.upload_backoff.note_success()
    if refused is not None:
        raise refused


def _is_set_aside(phone: Phone, picture: Picture, problem: Problem) -> bool:
    """Begin the file anew with the next try, or stop sending it."""
    if problem.status == _OTHER_OFFSET:
        # A part came twice: the next try asks first.
        return False
    if problem.status in _GONE:
        phone.pictures.set_location(picture, None)
        return False
    if phone.pictures.note_refusal(picture) < TRIES:
        return False
    phone.pictures.set_aside(picture, problem.code)
    return True


def _send(phone: Phone, picture: Picture, report: UploadReport) -> None:
    """Send one file to its end. Raises Problem or LinkFailure."""
    if picture.location is None:
        location, offset = _announce(phone, picture)
        report.at_once += offset == picture.size
    else:
        # It broke off: what the server says counts, not what was sent.
        location, offset = picture.location, _ask_offset(phone, picture.location)
        report.resumed += 1
    while offset < picture.size:
        before, offset = offset, _send_part(phone, picture, location, offset)
        report.bytes += max(0, offset - before)
        if offset > before:
            phone.upload_backoff.note_success()
    phone.pictures.note_uploaded(picture, phone.device.pulled_at)


def _announce(phone: Phone, picture: Picture) -> tuple[str, int]:
    """Tell the server what comes; where it takes it, and how much of it it has already."""
    told = {"sha256": picture.sha256, "role": picture.role}
    headers = {
        "Upload-Length": str(picture.size),
        "Upload-Metadata": ",".join(
            f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items()
        ),
    }
    answer = _ask(phone, "POST", MEDIA, headers)
    location = _path_of(answer.headers.get("location", ""))
    if answer.status != _CREATED or not location:
        raise LinkFailure("this is no answer of a Roadbook server; something between us answered")
    phone.pictures.set_location(picture, location)
    return location, _offset_in(answer, default=0)


def _ask_offset(phone: Phone, location: str) -> int:
    return _offset_in(_ask(phone, "HEAD", location, {}))


def _send_part(phone: Phone, picture: Picture, location: str, offset: int) -> int:
    """Send the next part; where the server goes on from."""
    part = phone.pictures.read(picture, offset, PART_BYTES)
    headers = {
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
    }
    answer = _ask(phone, "PATCH", location, headers, part)
    if answer.status != _TAKEN:
        raise LinkFailure("this is no answer of a Roadbook server; something between us answered")
    return _offset_in(answer)


def _ask(
    phone: Phone, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> Answer:
    return phone.link.exchange(method, path, {**_TUS, **headers}, body, token=phone.device.token)


def _offset_in(answer: Answer, *, default: int | None = None) -> int:
    told = answer.headers.get("upload-offset")
    if told is None and default is not None:
        return default
    if told is None or not told.isdecimal():
        raise LinkFailure("the answer does not say how much arrived")
    return int(told)


def _path_of(location: str) -> str:
    """The path below the server's address: a proxy may have put others before it."""
    path = urlsplit(location).path
    start = path.find(MEDIA + "/")
    return path[start:] if start >= 0 else ""
