from types import SimpleNamespace
from typing import Any

import pytest

from mobile_contract.phone.transport import LinkFailure
from tests.mobile_contract.phone.fake_server import Refusal

World = SimpleNamespace


def fill(world: World, count: int) -> None:
    for number in range(count):
        world.server.put("store", world.make_id(), {"name": f"Store {number}"})
    world.phone.sync()


def damage(world: World, statement: str) -> None:
    with world.phone._file.transaction() as connection:
        assert connection.execute(statement).rowcount


@pytest.mark.parametrize(
    "statement",
    [
        """UPDATE record SET fields = '{"name":"wrong"}' WHERE rowid_of = 0""",
        "UPDATE record SET version = version + 5 WHERE rowid_of = 0",
        "DELETE FROM record WHERE rowid_of = 0",
        "UPDATE record SET fields = x'ff00' WHERE rowid_of = 0",
    ],
)
def test_a_damaged_record_is_found_and_mended_and_the_outbox_is_not_touched(
    world: World, statement: str
) -> None:
    fill(world, 30)
    world.phone.check_in(world.store_id, None)
    before = world.phone.outbox.items()
    where = f"id = '{world.phone.held('store')[4].id}'"
    damage(world, statement.replace("rowid_of = 0", where))
    assert not world.phone.is_equal()
    assert world.phone.repair() == 1
    assert world.phone.is_equal()
    assert world.phone.outbox.items() == before


def test_a_record_that_the_phone_should_not_have_is_taken_away(world: World) -> None:
    fill(world, 3)
    stray = world.make_id()
    world.phone.scope.apply_repair(
        [{"kind": "store", "id": stray, "version": 3, "op": "put", "fields": {"name": "x"}}]
    )
    world.phone.repair()
    assert world.phone.scope.get("store", stray) is None
    assert world.phone.is_equal()


def test_a_whole_scope_is_rebuilt_within_the_bounds_of_a_request(world: World) -> None:
    fill(world, 300)
    world.phone.scope.clear()
    world.phone.repair()
    assert world.phone.is_equal()
    for path, body in world.server.requests:
        if path == "/v1/digest" and "held" in body:
            assert sum(len(buckets) for buckets in body["held"].values()) <= 64


def test_what_changes_during_the_repair_comes_with_the_next_pull(world: World) -> None:
    fill(world, 5)
    world.phone.scope.clear()
    late = world.make_id()
    world.server.after_step_1 = lambda: world.server.put("store", late, {"name": "late"})
    world.phone.repair()
    world.server.after_step_1 = lambda: None
    world.phone.sync()
    assert world.phone.scope.get("store", late) is not None
    assert world.phone.is_equal()


def test_a_repair_that_broke_off_is_begun_again(world: World) -> None:
    fill(world, 200)
    world.phone.scope.clear()
    world.phone.device.ask_for_repair()
    exchange = world.transport.exchange
    calls = 0

    def fail_in_step_2(request: Any) -> Any:
        nonlocal calls
        calls += request.path == "/v1/digest"
        if calls == 3:
            calls += 1
            raise LinkFailure("lost")
        return exchange(request)

    world.transport.exchange = fail_in_step_2
    assert not world.phone.sync().pull.is_done
    assert world.phone.device.is_repair_due
    assert world.phone.sync(most_tries=3).is_quiet
    assert world.phone.is_equal()


def test_an_updated_app_compares_its_scope_anew(world: World) -> None:
    fill(world, 2)
    world.phone.speak_contract(1)
    assert world.phone.sync().pull.repairs == 1
    assert world.phone.sync().pull.repairs == 0


def test_a_server_that_asks_for_repairs_without_end_is_left_alone(world: World) -> None:
    fill(world, 1)
    world.server.refuse_next["/v1/pull"] = [Refusal(409, "epoch_changed") for _ in range(50)]
    assert world.phone.sync().pull.failure is not None
    assert len(world.server.refuse_next["/v1/pull"]) > 40
