"""store: an outlet that is visited. It comes down; edits and new stores go up."""

from typing import Final

from mobile_contract.fields import (
    CHANGE,
    CHANGE_NULLABLE,
    NULLABLE,
    OPTIONAL,
    Choice,
    Id,
    Int,
    Part,
    Sha256,
    Text,
)
from mobile_contract.records.contract import Fields, RecordContract
from mobile_contract.records.evidence import DATUMS, accuracy, latitude, longitude
from mobile_contract.records.visit import changes_something
from mobile_contract.schema import WireSchema

CLASSES: Final = ("A", "B", "C")
STATUSES: Final = ("ACTIVE", "PROPOSED", "CLOSED", "REFUSED")
NAME_MAX: Final = 200
CODE_MAX: Final = 40
CHANNEL_MAX: Final = 40
ADDRESS_MAX: Final = 400
CONTACT_NAME_MAX: Final = 100
CONTACT_PHONE_MAX: Final = 40
OPENING_HOURS_MAX: Final = 200
DELIVERY_NOTE_MAX: Final = 400


class Pin(WireSchema):
    """Where a person says that the store is."""

    lat_e7 = latitude(about="latitude, north positive")
    lon_e7 = longitude(about="longitude, east positive")
    datum = Choice(DATUMS, about="the datum of lat_e7 and lon_e7; the server converts once")
    accuracy_cm = accuracy()
    photo_sha256 = Sha256(
        presence=OPTIONAL, about="the storefront photo; a first pin without one waits, see Pins"
    )


class StoreCreate(WireSchema):
    """A new store is proposed. It exists as PROPOSED for its proposer at once."""

    name = Text(1, NAME_MAX, about="name on the sign")
    channel = Text(
        1, CHANNEL_MAX, about="trade channel, in the company's own words; any text is taken"
    )
    store_class = Choice(CLASSES, presence=OPTIONAL, about="class")
    address = Text(0, ADDRESS_MAX, about="address in one text")
    contact_name = Text(0, CONTACT_NAME_MAX, presence=OPTIONAL, about="whom to ask for")
    contact_phone = Text(0, CONTACT_PHONE_MAX, presence=OPTIONAL, about="telephone number")
    opening_hours = Text(0, OPENING_HOURS_MAX, presence=OPTIONAL, about="in words")
    delivery_note = Text(0, DELIVERY_NOTE_MAX, presence=OPTIONAL, about="for the driver")
    pin = Part(Pin, presence=OPTIONAL, about="where it is")


class StoreChanges(WireSchema):
    """The fields of a store that an edit sets."""

    rules = (changes_something,)

    name = Text(1, NAME_MAX, presence=CHANGE, about="waits for approval")
    code = Text(1, CODE_MAX, presence=CHANGE_NULLABLE, about="waits for approval")
    channel = Text(1, CHANNEL_MAX, presence=CHANGE, about="merged and applied")
    store_class = Choice(CLASSES, presence=CHANGE_NULLABLE, about="waits for approval")
    address = Text(0, ADDRESS_MAX, presence=CHANGE, about="merged and applied")
    contact_name = Text(0, CONTACT_NAME_MAX, presence=CHANGE_NULLABLE, about="merged and applied")
    contact_phone = Text(0, CONTACT_PHONE_MAX, presence=CHANGE_NULLABLE, about="merged and applied")
    opening_hours = Text(0, OPENING_HOURS_MAX, presence=CHANGE_NULLABLE, about="merged and applied")
    delivery_note = Text(0, DELIVERY_NOTE_MAX, presence=CHANGE_NULLABLE, about="merged and applied")
    pin = Part(Pin, presence=CHANGE, about="see Pins; never emptied")


class StoreEdit(WireSchema):
    """A store is described anew, against the version that the person saw."""

    changes = Part(StoreChanges, about="what is set")
    reason = Text(0, 200, presence=OPTIONAL, about="why, for who approves")


class HeldPin(WireSchema):
    """Where the store is, in WGS84."""

    lat_e7 = latitude(about="latitude, north positive")
    lon_e7 = longitude(about="longitude, east positive")


class StoreDown(WireSchema):
    """A store as the server holds it."""

    code = Text(0, CODE_MAX, presence=NULLABLE, about="the company's number for it")
    name = Text(0, NAME_MAX, about="name on the sign")
    channel = Text(0, CHANNEL_MAX, about="trade channel")
    store_class = Choice(CLASSES, presence=NULLABLE, about="class")
    address = Text(0, ADDRESS_MAX, about="address in one text")
    contact_name = Text(0, CONTACT_NAME_MAX, presence=NULLABLE, about="whom to ask for")
    contact_phone = Text(0, CONTACT_PHONE_MAX, presence=NULLABLE, about="telephone number")
    opening_hours = Text(0, OPENING_HOURS_MAX, presence=NULLABLE, about="in words")
    delivery_note = Text(0, DELIVERY_NOTE_MAX, presence=NULLABLE, about="for the driver")
    pin = Part(HeldPin, presence=NULLABLE, about="where it is")
    fence_radius_m = Int(
        0, 100_000, about="radius of its fence, resolved: store, else class, else company", unit="m"
    )
    region_id = Id(presence=NULLABLE, about="the region it lies in")
    status = Choice(STATUSES, about="where it stands")


# --- contract 1 ---------------------------------------------------------------------------------


class Contact1(WireSchema):
    """Whom to ask for, in contract 1."""

    name = Text(0, CONTACT_NAME_MAX, presence=OPTIONAL, about="whom to ask for")
    phone = Text(0, CONTACT_PHONE_MAX, presence=OPTIONAL, about="telephone number")


class ContactChanges1(WireSchema):
    """What of the contact is set, in contract 1."""

    rules = (changes_something,)

    name = Text(0, CONTACT_NAME_MAX, presence=CHANGE_NULLABLE, about="whom to ask for")
    phone = Text(0, CONTACT_PHONE_MAX, presence=CHANGE_NULLABLE, about="telephone number")


class HeldContact1(WireSchema):
    """Whom to ask for, as the server holds it, in contract 1."""

    name = Text(0, CONTACT_NAME_MAX, presence=NULLABLE, about="whom to ask for")
    phone = Text(0, CONTACT_PHONE_MAX, presence=NULLABLE, about="telephone number")


class StoreCreate1(WireSchema):
    """A new store is proposed, in contract 1."""

    name = Text(1, NAME_MAX, about="name on the sign")
    channel = Text(
        1, CHANNEL_MAX, about="trade channel, in the company's own words; any text is taken"
    )
    store_class = Choice(CLASSES, presence=OPTIONAL, about="class")
    address = Text(0, ADDRESS_MAX, about="address in one text")
    contact = Part(Contact1, presence=OPTIONAL, about="whom to ask for")
    pin = Part(Pin, presence=OPTIONAL, about="where it is")


class StoreChanges1(WireSchema):
    """The fields of a store that an edit sets, in contract 1."""

    rules = (changes_something,)

    name = Text(1, NAME_MAX, presence=CHANGE, about="waits for approval")
    code = Text(1, CODE_MAX, presence=CHANGE_NULLABLE, about="waits for approval")
    channel = Text(1, CHANNEL_MAX, presence=CHANGE, about="merged and applied")
    store_class = Choice(CLASSES, presence=CHANGE_NULLABLE, about="waits for approval")
    address = Text(0, ADDRESS_MAX, presence=CHANGE, about="merged and applied")
    contact = Part(
        ContactChanges1, presence=CHANGE_NULLABLE, about="merged and applied; null empties both"
    )
    pin = Part(Pin, presence=CHANGE, about="see Pins; never emptied")


class StoreEdit1(WireSchema):
    """A store is described anew, in contract 1."""

    changes = Part(StoreChanges1, about="what is set")
    reason = Text(0, 200, presence=OPTIONAL, about="why, for who approves")


class StoreDown1(WireSchema):
    """A store as the server holds it, in contract 1."""

    code = Text(0, CODE_MAX, presence=NULLABLE, about="the company's number for it")
    name = Text(0, NAME_MAX, about="name on the sign")
    channel = Text(0, CHANNEL_MAX, about="trade channel")
    store_class = Choice(CLASSES, presence=NULLABLE, about="class")
    address = Text(0, ADDRESS_MAX, about="address in one text")
    contact = Part(HeldContact1, about="whom to ask for")
    pin = Part(HeldPin, presence=NULLABLE, about="where it is")
    fence_radius_m = Int(0, 100_000, about="radius of its fence", unit="m")
    region_id = Id(presence=NULLABLE, about="the region it lies in")
    status = Choice(STATUSES, about="where it stands")


def raise_1_to_2(op: str, payload: Fields) -> Fields:
    """A contract-1 payload as contract 2 says it. An absent contact stays unchanged."""
    if op == "create":
        return _contact_raised(payload)
    return {**payload, "changes": _contact_raised(payload["changes"])}


def _contact_raised(flat: Fields) -> Fields:
    raised = {name: value for name, value in flat.items() if name != "contact"}
    if "contact" in flat:
        contact = flat["contact"]
        if contact is None:
            contact = {"name": None, "phone": None}
        raised |= {f"contact_{name}": value for name, value in contact.items()}
    return raised


def lower_2_to_1(fields: Fields) -> Fields | None:
    """A held store with its contact as one object, without what contract 1 does not know."""
    left_out = {"contact_name", "contact_phone", "opening_hours", "delivery_note"}
    lowered = {name: value for name, value in fields.items() if name not in left_out}
    lowered["contact"] = {"name": fields["contact_name"], "phone": fields["contact_phone"]}
    return lowered


STORE: Final = RecordContract(
    kind="store",
    ops={
        1: {"create": StoreCreate1, "edit": StoreEdit1},
        2: {"create": StoreCreate, "edit": StoreEdit},
    },
    down={1: StoreDown1, 2: StoreDown},
    raise_1_to_2=raise_1_to_2,
    lower_2_to_1=lower_2_to_1,
    needs_base_version=frozenset({"edit"}),
)
