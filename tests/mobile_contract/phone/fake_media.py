"""The media part of the server in memory: tus 1.0 with the faults it is told to make."""

import base64
import hashlib
import json
from dataclasses import dataclass, field

from mobile_contract.phone.transport import Answer, LinkFailure, Request, Transport

CREATED, TAKEN, OK = 201, 204, 200


@dataclass(slots=True)
class Upload:
    size: int
    sha256: str
    data: bytes = b""


@dataclass(slots=True)
class FakeMedia:
    """`inner` has every other path. A part that is cut arrives in front of the cut, and no answer comes."""

    inner: Transport
    uploads: dict[str, Upload] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    # Of the next parts: how many bytes of each arrive.
    cut_parts: list[int] = field(default_factory=list)
    lose_answers: int = 0
    # (method, status, code, retry_after_s) of the next request with this method.
    refusals: list[tuple[str, int, str, int | None]] = field(default_factory=list)
    # Digests of files that arrive damaged.
    damaged: set[str] = field(default_factory=set)

    def exchange(self, request: Request) -> Answer:
        if not request.path.startswith("/v1/media"):
            return self.inner.exchange(request)
        assert request.headers["Tus-Resumable"] == "1.0.0"
        assert request.headers["Authorization"].startswith("Bearer ")
        self.requests.append((request.method, request.path))
        for n, (method, status, code, wait_s) in enumerate(self.refusals):
            if method == request.method:
                del self.refusals[n]
                return _refuse(status, code, wait_s)
        answer = {"POST": self._create, "HEAD": self._tell, "PATCH": self._take}[request.method](
            request
        )
        if self.lose_answers:
            self.lose_answers -= 1
            raise LinkFailure("the answer was lost")
        return answer

    def close(self) -> None:
        self.inner.close()

    def methods(self) -> list[str]:
        return [method for method, _ in self.requests]

    def _create(self, request: Request) -> Answer:
        told = dict(pair.split(" ") for pair in request.headers["Upload-Metadata"].split(","))
        sha256 = base64.b64decode(told["sha256"]).decode()
        size = int(request.headers["Upload-Length"])
        path = f"/v1/media/{len(self.uploads) + 1}"
        data = self.stored.get(sha256, b"")
        self.uploads[path] = Upload(size, sha256, data)
        # As behind a proxy that has a path of its own.
        location = f"https://roadbook.example/behind{path}"
        return Answer(CREATED, {"location": location, "upload-offset": str(len(data))}, b"")

    def _tell(self, request: Request) -> Answer:
        upload = self.uploads.get(request.path)
        if upload is None:
            return _refuse(404, "http_404", None)
        return Answer(OK, {"upload-offset": str(len(upload.data))}, b"")

    def _take(self, request: Request) -> Answer:
        upload = self.uploads.get(request.path)
        if upload is None:
            return _refuse(404, "not_found", None)
        if int(request.headers["Upload-Offset"]) != len(upload.data):
            return _refuse(409, "offset_differs", None)
        if self.cut_parts:
            upload.data += request.body[: self.cut_parts.pop(0)]
            raise LinkFailure("the line broke")
        upload.data += request.body
        if len(upload.data) == upload.size:
            if upload.sha256 in self.damaged:
                del self.uploads[request.path]
                return _refuse(422, "digest_differs", None)
            assert hashlib.sha256(upload.data).hexdigest() == upload.sha256
            assert upload.sha256 not in self.stored
            self.stored[upload.sha256] = upload.data
        return Answer(TAKEN, {"upload-offset": str(len(upload.data))}, b"")


def _refuse(status: int, code: str, wait_s: int | None) -> Answer:
    body = {"code": code, "status": status, "retry_after_s": wait_s}
    return Answer(status, {}, json.dumps(body).encode())
