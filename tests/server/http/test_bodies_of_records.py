"""A body goes to whoever may see a record that names it, as it was packed, and is asked for once."""

import hashlib
import json
import zlib
from datetime import UTC, datetime
from uuid import UUID

import pytest
import zstandard

from mobile_contract.price_bodies import decode_prices
from server.catalogue.price_lists import end_price_list
from server.catalogue.whom import Whom
from sync.kinds.price_list.publish import publish_price_lists
from sync.unit_of_work import Database
from tests.catalogue_factories import OFFICE, Goods, add_goods, add_list, publish
from tests.factories import Cast, Person, make_cast
from tests.server.http.conftest import Site, code_of


@pytest.fixture
def cast(owner_engine: object, unit_database: Database) -> Cast:
    return make_cast(owner_engine, unit_database)  # type: ignore[arg-type]


@pytest.fixture
def goods(cast: Cast, unit_database: Database) -> Goods:
    with unit_database.company(cast.company.id) as uow:
        return add_goods(uow, cast)


def bodies_of(site: Site, person: Person) -> dict[UUID, list[str]]:
    """The digests that the person's price lists name, by list."""
    page = site.ask("/v1/pull", {"contract": 2, "cursor": None, "limit": 500}, device=person.device)
    assert page.json is not None
    return {
        UUID(change["id"]): [each["body"]["sha256"] for each in change["fields"]["versions"]]
        for change in page.json["changes"]
        if change["kind"] == "price_list" and change["op"] == "put"
    }


@pytest.mark.parametrize("encoding", ["zstd", "gzip", "identity", None])
def test_a_body_comes_as_it_was_packed(
    encoding: str | None, site: Site, cast: Cast, goods: Goods
) -> None:
    digest = bodies_of(site, cast.ana)[goods.base][0]
    headers = {} if encoding is None else {"Accept-Encoding": encoding}
    answer = site.get(f"/v1/bodies/{digest}", device=cast.ana.device, headers=headers)
    packed = encoding if encoding in ("zstd", "gzip") else None
    assert (answer.status_code, answer.headers.get("Content-Encoding")) == (200, packed)
    body = answer.data
    if packed == "zstd":
        body = zstandard.ZstdDecompressor().decompress(body)
    elif packed == "gzip":
        body = zlib.decompress(body, 16 + zlib.MAX_WBITS)
    assert hashlib.sha256(body).hexdigest() == digest
    assert decode_prices(body)[1, "PC"] == ((1, 500),)
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"


def test_who_has_a_body_is_told_so_without_it(site: Site, cast: Cast, goods: Goods) -> None:
    path = f"/v1/bodies/{bodies_of(site, cast.ana)[goods.base][0]}"
    tag = site.get(path, device=cast.ana.device).headers["ETag"]
    again = site.get(path, device=cast.ana.device, headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    other = site.get(path, device=cast.ana.device, headers={"If-None-Match": 'W/"other"'})
    assert other.status_code == 200


def test_a_body_that_no_record_of_the_person_names_is_not_there(
    site: Site, cast: Cast, goods: Goods, strangers: Cast, unit_database: Database
) -> None:
    digest = bodies_of(site, cast.ana)[goods.base][0]
    for path in (
        f"/v1/bodies/{'0' * 64}",
        f"/v1/bodies/{digest.upper()}",
        "/v1/bodies/é",
        "/v1/bodies/x",
    ):
        assert code_of(site.get(path, device=cast.ana.device)) == (404, "not_found")
    path = f"/v1/bodies/{digest}"
    assert code_of(site.get(path, device=strangers.ana.device)) == (404, "not_found")
    # The same bytes of another company are another body.
    with unit_database.company(strangers.company.id) as uow:
        theirs = add_goods(uow, strangers).base
    assert bodies_of(site, strangers.ana)[theirs] == [digest]
    with unit_database.company(strangers.company.id) as uow:
        uow.run("update record set doc = null where id = :id", id=theirs)
    assert code_of(site.get(path, device=strangers.ana.device)) == (404, "not_found")


def test_a_body_is_there_as_long_as_a_record_names_it(
    site: Site, cast: Cast, goods: Goods, unit_database: Database
) -> None:
    (old,) = bodies_of(site, cast.ana)[goods.base]
    with unit_database.company(cast.company.id) as uow:
        publish(uow, goods.base, ("OAT", "PC", 1, 510), valid_from=datetime.now(UTC))
    assert len(bodies_of(site, cast.ana)[goods.base]) == 2
    in_ten_days = int(datetime.now(UTC).timestamp() * 1000) + 10 * 86_400_000
    with unit_database.company(cast.company.id) as uow:
        publish_price_lists(uow, [goods.base], now=in_ten_days)
    (new,) = bodies_of(site, cast.ana)[goods.base]
    assert site.get(f"/v1/bodies/{new}", device=cast.ana.device).status_code == 200
    assert code_of(site.get(f"/v1/bodies/{old}", device=cast.ana.device)) == (404, "not_found")


def test_two_lists_may_name_one_body(
    site: Site, cast: Cast, goods: Goods, unit_database: Database
) -> None:
    with unit_database.company(cast.company.id) as uow:
        kiosks = add_list(uow, "KIOSK", Whom("CHANNEL", channels=frozenset({"kiosk"})))
        for each in (kiosks, goods.base):
            publish(uow, each, ("TEA", "PC", 1, 1_200))
        end_price_list(uow, OFFICE, kiosks)
    found = bodies_of(site, cast.ana)
    assert found[kiosks][0] == found[goods.base][-1]
    rows = json.loads(site.get(f"/v1/bodies/{found[kiosks][0]}", device=cast.ana.device).data)
    assert rows["price"] == [1_200]


def test_a_draining_device_gets_no_body(
    site: Site, cast: Cast, goods: Goods, unit_database: Database
) -> None:
    digest = bodies_of(site, cast.ana)[goods.base][0]
    with unit_database.company(cast.company.id) as uow:
        uow.run("update device set state = 'DRAINING' where id = :id", id=cast.ana.device.id)
    answer = site.get(f"/v1/bodies/{digest}", device=cast.ana.device)
    assert code_of(answer) == (403, "device_draining")
