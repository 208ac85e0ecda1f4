"""The states of an order. Source: domain rules, "Orders"."""

from sync.state_machine import StateMachine, Step

PHONE, SERVER, OFFICE, DRIVER = "phone", "server", "office", "driver's phone"

ORDERING = StateMachine(
    "order",
    "Goods that a store orders or gives back. A draft is the phone's alone; the server judges what is"
    " submitted at once; the rep may change it until it is confirmed, the office afterwards.",
    (
        Step(None, "draft", "DRAFT", PHONE, is_derived=True),
        Step("DRAFT", "submit", "SUBMITTED", PHONE, is_derived=True),
        Step("SUBMITTED", "accept", "ACCEPTED", SERVER),
        Step("SUBMITTED", "hold", "HELD", SERVER),
        Step("SUBMITTED", "reject", "REJECTED", OFFICE, is_derived=True),
        Step("HELD", "release", "ACCEPTED", f"{OFFICE}, with a reason"),
        Step("HELD", "reject", "REJECTED", f"{OFFICE}, with a reason"),
        Step("ACCEPTED", "reject", "REJECTED", f"{OFFICE}, with a reason"),
        Step("HELD", "amend", "SUBMITTED", PHONE),
        Step("ACCEPTED", "amend", "SUBMITTED", PHONE),
        Step("HELD", "cancel", "CANCELLED", PHONE),
        Step("ACCEPTED", "cancel", "CANCELLED", PHONE),
        Step("ACCEPTED", "confirm", "CONFIRMED", OFFICE),
        Step("CONFIRMED", "amend confirmed", "CONFIRMED", f"{OFFICE}, with a reason"),
        Step("PRINTED", "amend confirmed", "CONFIRMED", f"{OFFICE}, with a reason"),
        Step("CONFIRMED", "cancel confirmed", "CANCELLED", f"{OFFICE}, with a reason"),
        Step("PRINTED", "cancel confirmed", "CANCELLED", f"{OFFICE}, with a reason"),
        Step("CONFIRMED", "print", "PRINTED", OFFICE),
        Step("PRINTED", "print", "PRINTED", OFFICE),
        Step("PRINTED", "dispatch", "DISPATCHED", f"{OFFICE}, to a driver's position"),
        Step("DISPATCHED", "dispatch", "DISPATCHED", f"{OFFICE}, to another driver's position"),
        Step("DISPATCHED", "deliver whole", "DELIVERED", DRIVER),
        Step("DISPATCHED", "deliver in part", "PARTIAL", DRIVER),
        Step("DISPATCHED", "deliver nothing", "REFUSED", DRIVER),
        Step("DELIVERED", "close", "CLOSED", OFFICE),
        Step("PARTIAL", "close", "CLOSED", OFFICE),
        Step("REFUSED", "close", "CLOSED", OFFICE),
    ),
)
