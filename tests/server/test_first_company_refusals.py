"""What cannot be is said in one line, by commands on the company of the worked example; none of them changes it."""

import shlex
from collections.abc import Iterator

import pytest

from tests.conftest import copied_database
from tests.server.test_first_company import founded, run, set_environ


@pytest.fixture(scope="module", autouse=True)
def company(
    servers: dict[str, str], worker_id: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    with (
        copied_database(servers, f"roadbook_refusals_{worker_id}") as urls,
        pytest.MonkeyPatch.context() as patched,
    ):
        set_environ(patched, urls, tmp_path_factory.mktemp("refusals"))
        founded()
        yield


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("company add --code ACME --name A --time-zone UTC", "already"),
        ("company policy fence_radius_m=5", "fence_radius_m: a whole number"),
        ("company policy no_such=1", "there is no such setting"),
        (
            "company policy no_such=1 grace_days=-1 pin_move_m=7",
            "no_such: there is no such setting; grace_days: a whole number from 0 to 400\n",
        ),
        ("company policy fence grace_days=3 radius", "fence, radius: write it as NAME=VALUE"),
        ("region add SOUTH South --above NOWHERE", "no region 'NOWHERE'"),
        ("position add REP-1 Again --role rep --region NORTH", "already"),
        ("person place wang@acme.example NOWHERE", "no position 'NOWHERE'"),
        ("person place tang@acme.example REP-1", "held by Wang Wei"),
        ("person end tang@acme.example REP-1", "do not hold"),
        ("store add S001 Again --channel kiosk", "S001"),
        ("store add S009 Far --channel kiosk --at nan 0", "a latitude from -90 to 90"),
        ("store add S009 Far --channel kiosk --at 95 0", "a latitude from -90 to 90"),
        ("store add S009 Far --channel kiosk --at 39 200", "a longitude from -180 to 180"),
        ("holiday add", "Usage: roadbook holiday add [OPTIONS] DAY NAME"),
        ("route add R S777 --position REP-1 --on mon", "no store 'S777'"),
        ("route add R S001 --position REP-1 --on someday", "weekdays are"),
        ("route add R S001 S001 --position REP-1 --on mon", "S001 Corner Shop is named twice"),
        (
            "route add 'North 1' S001 --position REP-1 --on mon",
            "REP-1 has a route 'North 1' already",
        ),
        ("route end 'North 9'", "no active route 'North 9'"),
        ("store edit S777 --name X", "no store 'S777'"),
        ("store edit S001 --fence 90 --without fence", "what it is to be without"),
        ("store edit S001 --fence 5", "fence_radius_m: a whole number"),
        ("region edit NOWHERE --name X", "no region 'NOWHERE'"),
        ("position edit REP-1 --region NOWHERE", "no region 'NOWHERE'"),
    ],
)
def test_what_cannot_be_is_one_line(words: str, said: str) -> None:
    done = run(*shlex.split(words))
    assert done.exit_code != 0
    assert said in done.output
    assert "Traceback" not in done.output
