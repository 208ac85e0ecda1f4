"""A server in memory that gives the protocol's answers and the faults it is told to make."""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from mobile_contract.canonical import record_hash
from mobile_contract.phone.transport import Answer, LinkFailure, Request

NOW = 1_760_000_000_000
DAY_MS = 24 * 3600 * 1000
PERSON = "10000000-0000-4000-8000-000000000001"


class Refusal(Exception):
    def __init__(
        self, status: int, code: str, retry_after_s: int | None = None, epoch: str | None = None
    ) -> None:
        super().__init__(code)
        self.epoch = epoch
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s


class FakeServer:
    """One phone's server: ledger, records and a change log, all in lists and dicts."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.now = now
        self.epoch = "epoch-1"
        self.watermark: int | None = None
        self.ledger: dict[str, tuple[str, dict[str, Any]]] = {}
        self.applied: list[str] = []
        self.records: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        self.log: list[dict[str, Any]] = []
        self.most_items = 500
        self.most_bytes = 4 * 1024 * 1024
        self.page = 500
        self.is_draining = False
        self.verdicts: dict[str, dict[str, Any]] = {}
        self.refuse_next: dict[str, list[Refusal]] = {}
        self.refuse_item: Callable[[dict[str, Any]], str | None] = lambda _item: None
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.raw_bodies: list[bytes] = []
        self.after_step_1: Callable[[], None] = lambda: None

    def put(
        self, kind: str, record_id: str, fields: dict[str, Any], version: int | None = None
    ) -> None:
        held = self.records.get((kind, record_id))
        new = version or (held[0] + 1 if held else 1)
        self.records[kind, record_id] = (new, fields)
        self.log.append(
            {"kind": kind, "id": record_id, "version": new, "op": "put", "fields": fields}
        )

    def take_away(self, kind: str, record_id: str, op: str = "evict") -> None:
        version, _ = self.records.pop((kind, record_id))
        self.log.append({"kind": kind, "id": record_id, "version": version, "op": op})

    def restore(self, epoch: str, *, keep_up_to_receipt: int) -> None:
        """As after a backup: what came later is gone, and the epoch is another."""
        self.epoch = epoch
        lost = [
            op_id
            for op_id, (_, result) in self.ledger.items()
            if result["receipt"] > keep_up_to_receipt
        ]
        for op_id in lost:
            del self.ledger[op_id]
            self.applied.remove(op_id)

    def answer(self, path: str, raw: bytes) -> dict[str, Any]:
        if len(raw) > self.most_bytes:
            raise Refusal(413, "body_too_large")
        try:
            body = json.loads(raw)
        except ValueError:
            raise Refusal(400, "malformed_json") from None
        self.requests.append((path, body))
        self.raw_bodies.append(raw)
        waiting = self.refuse_next.get(path)
        if waiting:
            raise waiting.pop(0)
        return {
            "/v1/devices/enrol": lambda _: self._enrol(),
            "/v1/devices/token": lambda _: {"token": "token-2"},
            "/v1/push": self._push,
            "/v1/pull": self._pull,
            "/v1/digest": self._digest,
        }[path](body)

    def _enrol(self) -> dict[str, Any]:
        return {
            "device_id": "20000000-0000-4000-8000-000000000001",
            "token": "token-1",
            "company": {"code": "demo", "name": "Demo", "time_zone": "Asia/Shanghai"},
            "person": {"id": PERSON, "name": "Rep"},
            "epoch": self.epoch,
            "limits": {"items_per_push": 500},
        }

    def _push(self, body: dict[str, Any]) -> dict[str, Any]:
        if len(body["items"]) > self.most_items:
            raise Refusal(413, "too_many_items")
        for item in body["items"]:
            code = self.refuse_item(item)
            if code is not None:
                raise Refusal(400, code)
        results = [self._take(item) for item in body["items"]]
        is_last = self.is_draining and body["outbox"]["count"] <= len(body["items"])
        return {
            **self._told(),
            "then": "wipe" if is_last else None,
            "results": results,
        }

    def _take(self, item: dict[str, Any]) -> dict[str, Any]:
        op_id = item["op_id"]
        digest = hashlib.sha256(json.dumps(item).encode()).hexdigest()
        if op_id in self.ledger:
            seen, first = self.ledger[op_id]
            assert seen == digest, "an item was sent again with other bytes"
            return {
                "op_id": op_id,
                "status": "duplicate",
                "receipt": first["receipt"],
                "first": first,
            }
        verdict = self.verdicts.get(item["kind"], {"status": "applied"})
        if verdict["status"] == "retry":
            return {"op_id": op_id, "receipt": self.now(), **verdict}
        result = {"op_id": op_id, "receipt": self.now(), "version": 1, **verdict}
        self.ledger[op_id] = (digest, result)
        self.applied.append(op_id)
        return result

    def _pull(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.is_draining:
            raise Refusal(403, "device_draining")
        start = 0
        if body["cursor"] is not None:
            epoch, _, position = body["cursor"].rpartition("/")
            if epoch != self.epoch:
                raise Refusal(409, "epoch_changed", epoch=self.epoch)
            start = int(position)
        end = min(len(self.log), start + self.page)
        return {
            **self._told(),
            "changes": self.log[start:end],
            "cursor": f"{self.epoch}/{end}",
            "complete": end == len(self.log),
        }

    def _digest(self, body: dict[str, Any]) -> dict[str, Any]:
        mine: dict[tuple[str, str], dict[str, str]] = {}
        for (kind, record_id), (version, fields) in self.records.items():
            value = record_hash(kind, record_id, version, fields)
            mine.setdefault((kind, record_id[:2]), {})[record_id] = f"{value:016x}"
        told = {**self._told(), "cursor": f"{self.epoch}/{len(self.log)}"}
        if "buckets" in body:
            theirs = {
                (kind, bucket): digest
                for kind, buckets in body["buckets"].items()
                for bucket, digest in buckets.items()
            }
            sums = {
                key: f"{xor(int(each, 16) for each in hashes.values()):016x}"
                for key, hashes in mine.items()
            }
            differs: dict[str, list[str]] = {}
            for kind, bucket in sorted(sums.keys() | theirs.keys()):
                if sums.get((kind, bucket)) != theirs.get((kind, bucket)):
                    differs.setdefault(kind, []).append(bucket)
            self.after_step_1()
            return {**told, "differs": differs, "records": len(self.records)}
        changes: list[dict[str, Any]] = []
        for kind, buckets in body["held"].items():
            for bucket, rows in buckets.items():
                held = dict(rows)
                right = mine.get((kind, bucket), {})
                for record_id, digest in right.items():
                    if held.get(record_id) != digest:
                        version, fields = self.records[kind, record_id]
                        changes.append(
                            {
                                "kind": kind,
                                "id": record_id,
                                "version": version,
                                "op": "put",
                                "fields": fields,
                            }
                        )
                changes += [
                    {"kind": kind, "id": record_id, "version": 1, "op": "evict"}
                    for record_id in held.keys() - right.keys()
                ]
        return {**told, "changes": changes}

    def _told(self) -> dict[str, Any]:
        return {
            "contract": 2,
            "epoch": self.epoch,
            "watermark": self.watermark,
            "received_at": self.now(),
        }


class FakeTransport:
    """The way to the fake server, with the faults of a bad network."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.is_down = False
        self.lose_answers = 0
        self.lose_requests = 0
        self.damage_answers = 0
        self.down_for: set[str] = set()

    def exchange(self, request: Request) -> Answer:
        if self.is_down or request.path in self.down_for:
            raise LinkFailure("no network")
        if self.lose_requests:
            self.lose_requests -= 1
            raise LinkFailure("lost on the way")
        raw = request.body
        if request.headers.get("Content-Encoding") == "gzip":
            raw = gzip.decompress(raw)
        try:
            status, value = 200, self.server.answer(request.path, raw)
        except Refusal as refusal:
            status = refusal.status
            value = {
                "code": refusal.code,
                "status": status,
                "retry_after_s": refusal.retry_after_s,
                "epoch": refusal.epoch,
            }
        if self.lose_answers:
            self.lose_answers -= 1
            raise LinkFailure("the answer was lost")
        packed = gzip.compress(json.dumps(value).encode())
        if self.damage_answers:
            self.damage_answers -= 1
            packed = packed[: len(packed) // 2]
        return Answer(status, {"content-encoding": "gzip"}, packed)

    def close(self) -> None:
        pass


def xor(values: Iterator[int]) -> int:
    total = 0
    for value in values:
        total ^= value
    return total


def seeded_ids(seed: int) -> Callable[[], str]:
    random = Random(seed)

    def make_id() -> str:
        digits = f"{random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    return make_id
