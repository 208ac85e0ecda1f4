"""A person at a terminal sees what was kept, mends it, releases it, or sets it aside."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mobile_contract.compiled import Pull, decode_push
from mobile_contract.version import ITEM_BYTES
from server.cli import roadbook
from server.identity.change_log import changes_of
from server.identity.terminal import database_refusal
from server.quarantine import kept
from server.quarantine.kept import find_kept, pretty, release_understood
from server.quarantine.kept_list import list_kept
from sync.engine import Engine as SyncEngine
from sync.errors import NotThere
from sync.kinds import ALL_KINDS
from sync.settlement import Settlement
from sync.unit_of_work import Database
from tests.factories import Cast, make_cast

AT = 1_772_590_000_000
SECRET = "a secret of thirty-two characters and more"

Push = Callable[..., list[dict[str, Any]]]
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def kept_database(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def cast(owner_engine: Engine, kept_database: Database) -> Cast:
    return make_cast(owner_engine, kept_database)


@pytest.fixture
def sync_engine(kept_database: Database) -> SyncEngine:
    return SyncEngine(kept_database, ALL_KINDS, SECRET.encode())


@pytest.fixture
def push(cast: Cast, sync_engine: SyncEngine) -> Push:
    """Push items as Ana's phone; the results."""

    def act(*items: dict[str, Any], contract: int = 2) -> list[dict[str, Any]]:
        body = {
            "contract": contract,
            "device_id": str(cast.ana.device.id),
            "batch_id": str(uuid4()),
            "sent_at": AT + 1000,
            "boot_id": "5b0c7f5e-54a1-4a0c-9a54-5f2c2f6f3a04",
            "uptime_ms": 5000,
            "app_version": "1",
            "outbox": {"count": 1, "oldest_at": AT, "bytes": 1},
            "items": items,
        }
        claim = cast.ana.device.claim
        answer = sync_engine.push(claim, decode_push(json.dumps(body).encode()), AT + 1000).answer
        found: list[dict[str, Any]] = json.loads(answer)["results"]
        return found

    return act


def visit(store_id: object, **changed: Any) -> dict[str, Any]:
    return {
        "op_id": str(uuid4()),
        "kind": "visit",
        "entity_id": str(uuid4()),
        "op": "create",
        "captured_at": AT,
        "captured_boot_id": "5b0c7f5e-54a1-4a0c-9a54-5f2c2f6f3a04",
        "captured_uptime_ms": 4000,
        "payload": {
            "store_id": str(store_id),
            "is_by_phone": False,
            "check_in": {"at": AT, "uptime_ms": 4000},
            "steps": [],
        },
        **changed,
    }


def broken(store_id: object) -> dict[str, Any]:
    """A visit whose note is no text."""
    item = visit(store_id)
    item["payload"]["note"] = 7
    return item


@pytest.fixture
def run(
    database: dict[str, str], cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("ROADBOOK_VAR", str(tmp_path))

    def act(command: str, *arguments: object) -> Result:
        words = ["quarantine", command, "--company", cast.company.code, *map(str, arguments)]
        return CliRunner().invoke(roadbook, words)

    return act


def pulled_item(cast: Cast, sync_engine: SyncEngine, op_id: str) -> dict[str, Any]:
    asked = Pull(contract=2, cursor=None, limit=1000)
    answer = json.loads(sync_engine.pull(cast.ana.device.claim, asked, AT + 2000))
    (found,) = [one["fields"] for one in answer["changes"] if one["id"] == op_id]
    assert isinstance(found, dict)
    return found


def test_an_empty_quarantine_says_so(run: Run) -> None:
    assert run("list").output == "nothing is kept\n"


def test_kept_items_are_listed_and_shown_with_what_is_wrong(
    run: Run, push: Push, cast: Cast
) -> None:
    item = broken(cast.ana_stores[0])
    push(item)
    listed = run("list").output
    assert item["op_id"] in listed
    assert "invalid_field" in listed
    assert "1 QUARANTINED" in listed
    shown = run("show", item["op_id"]).output
    assert "A field is wrong" in shown
    assert "note" in shown
    assert "Ana" in shown
    assert '"store_id": "' in shown


def test_an_item_is_named_by_the_first_letters_of_its_op_id(
    run: Run, push: Push, cast: Cast
) -> None:
    item = broken(cast.ana_stores[0])
    push(item)
    assert f"op_id     {item['op_id']}" in run("show", item["op_id"][:9]).output
    other = broken(cast.ana_stores[0])
    push({**other, "op_id": item["op_id"][:-1] + ("0" if item["op_id"][-1] != "0" else "1")})
    assert "give more of the id" in run("show", item["op_id"][:9]).output


def test_a_mended_item_is_applied_and_its_phone_hears_of_it(
    run: Run, push: Push, cast: Cast, sync_engine: SyncEngine, tmp_path: Path
) -> None:
    item = broken(cast.ana_stores[0])
    push(item)
    item["payload"]["note"] = "seven"
    file = tmp_path / "mended.json"
    file.write_text(json.dumps(item))
    done = run("mend", item["op_id"], "--file", file, "--reason", "the note was a number")
    assert (done.exit_code, done.output) == (0, "applied, version 1\n")
    assert pulled_item(cast, sync_engine, item["op_id"])["state"] == "RELEASED"
    shown = run("show", item["op_id"]).output
    assert "mended:" in shown
    assert "the note was a number" in shown
    released, _ = run("list", "--state", "RELEASED").output.splitlines()
    assert "waits for" not in released
    assert released.endswith(": the note was a number")


def test_who_let_an_item_pass_is_shown_also_after_it_had_to_wait(
    run: Run, push: Push, cast: Cast, sync_engine: SyncEngine, tmp_path: Path
) -> None:
    shop = visit(
        uuid4(),
        kind="store",
        payload={"name": "Gallery", "channel": "grocery", "address": "1 Quay"},
    )
    item = broken(shop["entity_id"]) | {"entity_id": "no id"}
    push(item)
    file = tmp_path / "mended.json"
    file.write_text(json.dumps(visit(shop["entity_id"], op_id=item["op_id"])))
    why = ": the note was a number"
    waits = run("mend", item["op_id"], "--file", file, "--reason", "the note was a number")
    assert "still kept, deferred" in waits.output
    push(shop)
    assert sync_engine.release_ready(cast.company.id) == 1
    released, _ = run("list", "--state", "RELEASED").output.splitlines()
    assert re.search(rf"visit of Ana: by operator \w+, [-0-9]{{10}} [:0-9]{{5}}{why}$", released)
    shown = run("show", item["op_id"]).output
    assert re.search(rf"^Last decided .* by operator \w+{why}$", shown, re.MULTILINE)
    mended = json.loads(file.read_text())
    assert f"about     visit {mended['entity_id']}\n" in shown


def test_an_item_that_still_cannot_be_applied_stays_and_says_why(
    run: Run, push: Push, cast: Cast
) -> None:
    item = broken(cast.ana_stores[0])
    push(item)
    done = run("release", item["op_id"])
    assert done.exit_code == 1
    assert "quarantined: invalid_field" in done.output
    assert item["op_id"] in run("list").output


def test_all_of_a_reason_are_released_at_once_and_what_came_of_them_is_told(
    run: Run, push: Push, cast: Cast, kept_database: Database
) -> None:
    push(visit(uuid4()), broken(cast.ana_stores[0]), broken(cast.ana_stores[0]))
    assert run("release-all").exit_code == 2
    assert run("release-all", "--person", "nobody@example.org").exit_code == 1
    done = run("release-all", "--code", "invalid_field", "--reason", "mended")
    assert done.output.splitlines() == [
        "2 items: 0 applied, 2 still kept, 0 wait, 0 decided before, 0 could not be judged",
        "  still kept, invalid_field: 2",
    ]
    with kept_database.reading(cast.company.id) as uow:
        (logged,) = changes_of(uow, subject_kind="kept_items")
    assert logged.after is not None
    assert (logged.after["items"], logged.after["reason"]) == (2, "mended")


def test_an_item_set_aside_stays_with_its_reason(
    run: Run, push: Push, cast: Cast, sync_engine: SyncEngine
) -> None:
    item = broken(cast.ana_stores[0])
    push(item)
    assert run("set-aside", item["op_id"], "--reason", "a test of the phone's").exit_code == 0
    assert item["op_id"] not in run("list").output
    listed, counts = run("list", "--state", "SET_ASIDE").output.splitlines()
    assert listed.startswith(item["op_id"])
    assert re.search(
        r"visit of Ana: by operator \w+, [-0-9]{10} [:0-9]{5}: a test of the phone's$", listed
    )
    assert counts == "1 SET_ASIDE. Times of Asia/Shanghai."
    assert pulled_item(cast, sync_engine, item["op_id"])["state"] == "SET_ASIDE"
    for command in ("release", "set-aside"):
        again = run(command, item["op_id"], "--reason", "x")
        assert again.exit_code == 1
        assert "it is SET_ASIDE already, by operator" in again.output


def test_two_items_under_one_op_id_are_told_apart_by_digest(
    run: Run, push: Push, cast: Cast, kept_database: Database
) -> None:
    item = broken(cast.ana_stores[0])
    push(item)
    push({**item, "captured_at": AT - 1})
    refused = run("show", item["op_id"])
    assert refused.exit_code == 1
    assert "--digest" in refused.output
    with kept_database.company(cast.company.id) as uow:
        digests = [one.digest.hex() for one in list_kept(uow) if str(one.op_id) == item["op_id"]]
        assert len(digests) == 2
        assert find_kept(uow, UUID(item["op_id"]), digests[1][:12]).digest.hex() == digests[1]
    assert run("show", item["op_id"], "--digest", digests[0][:12]).exit_code == 0


def test_an_item_of_another_company_is_not_there(
    run: Run, push: Push, cast: Cast, owner_engine: Engine, kept_database: Database
) -> None:
    item = broken(cast.ana_stores[0])
    push(item)
    stranger = make_cast(owner_engine, kept_database)
    with kept_database.company(stranger.company.id) as uow, pytest.raises(NotThere):
        find_kept(uow, UUID(item["op_id"]))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", uuid4()), "there is no kept item"),
        (("release", uuid4()), "there is no kept item"),
        (("set-aside", uuid4(), "--reason", "x"), "there is no kept item"),
    ],
)
def test_what_is_not_there_is_one_line(run: Run, words: tuple[object, ...], said: str) -> None:
    done = run(*words)
    assert done.exit_code == 1
    assert said in done.output
    assert "Traceback" not in done.output


def test_items_of_a_newer_contract_are_applied_when_the_server_has_it(
    push: Push,
    cast: Cast,
    sync_engine: SyncEngine,
    kept_database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    item = visit(cast.ana_stores[0])
    (result,) = push(item, contract=3)
    assert result["code"] == "contract_too_new"
    assert release_understood(kept_database, sync_engine, cast.company.id) == 0
    assert pulled_item(cast, sync_engine, item["op_id"])["state"] == "QUARANTINED"
    # The server is brought up to date: it knows contract 3, which is like 2 for a visit.
    from mobile_contract import compiled

    monkeypatch.setitem(compiled._OP_CHECKS, 3, compiled._OP_CHECKS[2])
    monkeypatch.setattr(kept, "CURRENT", 3)
    assert release_understood(kept_database, sync_engine, cast.company.id) == 0
    assert pulled_item(cast, sync_engine, item["op_id"])["state"] == "RELEASED"


def test_an_item_of_a_newer_contract_on_which_a_program_breaks_holds_back_no_other(
    push: Push,
    cast: Cast,
    sync_engine: SyncEngine,
    kept_database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mobile_contract import compiled

    items = [visit(cast.ana_stores[0]) for _ in range(3)]
    push(*items, contract=3)
    write = Settlement.write

    def breaking(self: Any, statements: Any) -> None:
        if items[0]["entity_id"] in self.made():
            raise ZeroDivisionError
        write(self, statements)

    release = SyncEngine.release

    def broken_release(
        self: SyncEngine, company_id: int, op_id: UUID, *rest: Any, **more: Any
    ) -> Any:
        if str(op_id) == items[1]["op_id"]:
            raise ZeroDivisionError
        return release(self, company_id, op_id, *rest, **more)

    monkeypatch.setattr(Settlement, "write", breaking)
    monkeypatch.setattr(SyncEngine, "release", broken_release)
    monkeypatch.setitem(compiled._OP_CHECKS, 3, compiled._OP_CHECKS[2])
    monkeypatch.setattr(kept, "CURRENT", 3)
    assert release_understood(kept_database, sync_engine, cast.company.id) == 0
    told = [pulled_item(cast, sync_engine, item["op_id"]) for item in items]
    assert [(one["state"], one["code"]) for one in told] == [
        ("QUARANTINED", "refused_by_database"),
        ("QUARANTINED", "contract_too_new"),
        ("RELEASED", None),
    ]


def test_nobody_has_looked_at_what_a_newer_contract_releases(
    push: Push,
    cast: Cast,
    sync_engine: SyncEngine,
    kept_database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from mobile_contract import compiled

    item = visit(cast.ben_stores[0])
    push(item, contract=3)
    monkeypatch.setitem(compiled._OP_CHECKS, 3, compiled._OP_CHECKS[2])
    monkeypatch.setattr(kept, "CURRENT", 3)
    release = SyncEngine.release

    def released_twice(*args: Any, **more: Any) -> Any:
        """As by two workers that found it at once."""
        release(*args, **more)
        return release(*args, **more)

    monkeypatch.setattr(SyncEngine, "release", released_twice)
    assert release_understood(kept_database, sync_engine, cast.company.id) == 0
    assert pulled_item(cast, sync_engine, item["op_id"])["code"] == "not_in_scope"


def test_every_outcome_is_one_line(run: Run, push: Push, cast: Cast, tmp_path: Path) -> None:
    """Applied with a proposal, a conflict, waiting, still kept, no file, another item's file."""
    store = str(cast.ana_stores[0])

    def edit(**changes: Any) -> dict[str, Any]:
        return visit(store) | {
            "kind": "store",
            "op": "edit",
            "entity_id": store,
            "base_version": 1,
            "payload": {"changes": changes},
        }

    def mend(item: dict[str, Any], file: object) -> Result:
        (tmp_path / "mended.json").write_text(file if isinstance(file, str) else json.dumps(file))
        return run("mend", item["op_id"], "--file", tmp_path / "mended.json")

    proposing, moved = edit(name=7), edit(delivery_note=7)
    waiting, odd = broken(store), visit(store, kind="\u001b[2J\nvisit")
    push(proposing, moved, waiting, odd)
    named = mend(proposing, edit(name="The Corner") | {"op_id": proposing["op_id"]})
    edited = mend(moved, edit(delivery_note="ring twice") | {"op_id": moved["op_id"]})
    waits = mend(waiting, visit(uuid4(), op_id=waiting["op_id"]))
    still = run("release", odd["op_id"])
    empty, other = mend(odd, " \n"), mend(odd, edit(address="9 Pier"))
    for done, code, said in (
        (named, 0, "it waits for approval: roadbook proposal list"),
        (edited, 0, "applied, version 2"),
        (waits, 1, "still kept, deferred: waits for "),
        (still, 1, "still kept, quarantined: unknown_kind at kind: "),
        (empty, 1, "there is nothing in it"),
        (other, 1, "this is of another item: its op_id is "),
    ):
        assert (done.exit_code, said in done.output) == (code, True), done.output
        assert done.output.count("\n") == 1, done.output
        assert "\x1b" not in done.output
    assert "\x1b" not in run("list").output + run("show", odd["op_id"]).output
    assert len(run("list").output.splitlines()) == 3


def test_an_item_that_waits_for_what_will_not_do_says_so(run: Run, push: Push, cast: Cast) -> None:
    store = str(cast.ana_stores[0])
    payload = {
        "check_out": {"at": AT, "uptime_ms": 4000},
        "closed_by": "PERSON",
        "steps": [],
    }
    lost = visit(store, op="finish", payload=payload)
    # What the sender's phone does not hold may be anything, or nothing.
    unseen = str(cast.ben_stores[0])
    useless = visit(store, op="finish", entity_id=unseen, payload=payload)
    push(lost, useless)
    assert "It waits for records that have not come" in run("show", lost["op_id"]).output
    assert "It may wait for ever" in run("show", useless["op_id"]).output
    lines = [line for line in run("list").output.splitlines() if "will not do" in line]
    assert [line.split()[0] for line in lines] == [useless["op_id"]]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (psycopg.OperationalError("connection refused\nmore"), "does Roadbook run?"),
        (psycopg.errors.LockNotAvailable("a lock\nmore"), "nothing was done: do it again"),
        (psycopg.errors.DiskFull("no space\nmore"), "The database does not do it: no space"),
        (PoolTimeout("waited\nmore"), "does Roadbook run?"),
    ],
)
def test_what_the_database_does_not_do_is_one_line(error: Exception, said: str) -> None:
    shown = database_refusal(error).format_message()
    assert said in shown
    assert "\n" not in shown


def test_what_was_sent_goes_through_a_pipe_into_mend_and_is_applied(
    run: Run, push: Push, cast: Cast, tmp_path: Path
) -> None:
    item = broken(cast.ana_stores[0])
    push(item)
    raw = run("show", item["op_id"], "--raw").output
    assert json.loads(raw) == item
    file = tmp_path / "mended.json"
    file.write_text(raw.replace('"note": 7', '"note": "seven"'))
    assert run("mend", item["op_id"], "--file", file).output == "applied, version 1\n"


def test_a_file_that_is_no_item_by_its_size_is_refused(
    run: Run, push: Push, cast: Cast, tmp_path: Path
) -> None:
    item = broken(cast.ana_stores[0])
    push(item)
    file = tmp_path / "mended.json"
    file.write_bytes(b" " * (ITEM_BYTES + 1))
    done = run("mend", item["op_id"], "--file", file)
    assert done.exit_code == 1
    assert str(ITEM_BYTES) in done.output


def test_bytes_are_shown_so_that_they_cannot_move_a_cursor() -> None:
    assert pretty(b'{"name": "\xe5\xba\x97"}') == '{\n  "name": "店"\n}'
    assert "\x1b" not in pretty(b'{"a": "\\u001b[2J"}')
    assert "\x1b" not in pretty(b"\x1b[2J not json \xff")
    assert json.loads(pretty(b'{"a": "\xf3\xa0\x80\x81"}')) == {"a": "\U000e0001"}
    assert "\u202e" not in pretty('{"a": "\u202e"}'.encode())
