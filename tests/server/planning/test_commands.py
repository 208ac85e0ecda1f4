from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result

from server.cli import COMMANDS, load_command
from server.planning.commands import conflict, proposal
from sync.engine import Engine as SyncEngine
from tests.factories import Cast, item, push_items

Run = Callable[..., Result]


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> Run:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)

    def invoke(group: str, *words: str) -> Result:
        command = {"proposal": proposal, "conflict": conflict}[group]
        return CliRunner().invoke(command, [*words, "--company", cast.company.code])

    return invoke


@pytest.fixture
def waiting(cast: Cast, sync_engine: SyncEngine) -> UUID:
    edit = item(
        "store",
        "edit",
        cast.ana_stores[0],
        {"changes": {"name": "Anchor & Sons"}, "reason": "New sign"},
        base_version=1,
    )
    (result,) = push_items(sync_engine, cast.ana.device, [edit])
    return UUID(result["proposal_id"])


def refused(result: Result) -> str:
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    return line


def test_the_groups_are_on_the_one_command_line() -> None:
    places = {name: place for name, place, _ in COMMANDS}
    assert load_command(places["proposal"]) is proposal
    assert load_command(places["conflict"]) is conflict
    assert load_command(places["demo"]).name == "demo"


def test_a_list_of_nothing_says_so(run: Run) -> None:
    assert run("proposal", "list").output == "No proposal is waiting.\n"
    assert run("conflict", "list").output == "No conflict is open.\n"


def test_a_proposal_is_listed_with_what_it_would_change(run: Run, waiting: UUID) -> None:
    assert run("proposal", "list").output.splitlines()[0] == f"{waiting}  store Anchor"
    assert "name: Anchor → Anchor & Sons" in run("proposal", "list").output
    assert "by Ana" in run("proposal", "list").output


def test_a_proposal_is_approved_once(run: Run, waiting: UUID) -> None:
    assert run("proposal", "approve", str(waiting)).output == "Approved: Anchor & Sons.\n"
    assert "approved already" in refused(run("proposal", "approve", str(waiting)))
    assert "approved by operator" in run("proposal", "list", "--state", "APPROVED").output


def test_a_proposal_is_amended_with_json(run: Run, waiting: UUID) -> None:
    assert run("proposal", "amend", str(waiting), "nonsense").exit_code == 2
    done = run("proposal", "amend", str(waiting), '{"name": "Anchor and Sons"}')
    assert done.output == "Amended: Anchor and Sons.\n"


def test_a_proposal_is_refused_with_a_reason(run: Run, waiting: UUID) -> None:
    assert run("proposal", "refuse", str(waiting), "A poster").output == "Refused: Anchor.\n"
    assert "no such proposal" in refused(run("proposal", "refuse", str(uuid4()), "x"))


def test_a_new_store_needs_its_code(run: Run, cast: Cast, sync_engine: SyncEngine) -> None:
    new = item(
        "store", "create", uuid4(), {"name": "Lantern", "channel": "kiosk", "address": "2 Quay"}
    )
    (result,) = push_items(sync_engine, cast.ana.device, [new])
    assert "code:" in refused(run("proposal", "approve", result["proposal_id"]))
    place = ("--code", "L1", "--region", str(cast.regions.north))
    done = run("proposal", "approve", result["proposal_id"], *place)
    assert done.output == "Approved: Lantern.\n"


def test_a_conflict_is_listed_and_decided_by_field(
    run: Run, cast: Cast, sync_engine: SyncEngine
) -> None:
    for person, address in ((cast.sam, "1 Bell"), (cast.ana, "2 Bell")):
        edit = item(
            "store", "edit", cast.ana_stores[0], {"changes": {"address": address}}, base_version=1
        )
        (result,) = push_items(sync_engine, person.device, [edit])
    listed = run("conflict", "list").output
    assert "address: held 1 Bell (Sam)" in listed
    assert "sent 2 Bell (Ana)" in listed
    conflict_id = result["conflict_id"]
    assert "choose for each of: address" in refused(
        run("conflict", "choose", conflict_id, "x=held")
    )
    assert run("conflict", "choose", conflict_id, "address").exit_code == 2
    assert run("conflict", "choose", conflict_id, "address=3 Bell").exit_code == 2
    assert run("conflict", "choose", conflict_id, 'address="3 Bell"').output == "Decided: Anchor.\n"
    assert "chosen: other" in run("conflict", "list", "--state", "DECIDED").output
