"""What an honest day has little of: edits that meet, second thoughts, stores of others, items that are none."""

import hashlib
import uuid

from mobile_contract.phone.activities import correct_brought, may_withdraw, withdraw_request
from mobile_contract.phone.forms import correct_form, open_form
from mobile_contract.phone.orders import AtTheDoor, deliver_order
from mobile_contract.phone.scope_store import HeldRecord
from server.play.filling import fill
from server.play.rep import Rep

_PROOF = {"role": "SIGNATURE", "sha256": hashlib.sha256(b"signed").hexdigest(), "size": 6}


def make_mischief(rep: Rep) -> None:
    """Some of it, as chance has it."""
    _edit_a_store(rep)
    _propose_a_plan(rep)
    _think_again_of_attendance(rep)
    if rep.contract > 1:
        _deliver(rep)
        _withdraw(rep)
        _think_again_of_audits_and_forms(rep)
    if rep.random.random() < 0.05:
        rep.phone.check_in(_some_id(rep), None)
    if rep.random.random() < 0.05:
        _send_nonsense(rep)


def _edit_a_store(rep: Rep) -> None:
    """Few stores and few values, so that several people edit the same."""
    phone, random = rep.phone, rep.random
    stores = [r for r in phone.held("store") if r.fields["status"] == "ACTIVE"]
    if not stores or random.random() < 0.5:
        return
    store = stores[random.randrange(min(4, len(stores)))]
    changes = {"contact_name": f"Contact {random.randrange(9)}"}
    if random.random() < 0.5:
        changes = {"address": f"{random.randrange(9)} Quay"}
    phone.edit_store(store.id, changes, reason="seen")


def _propose_a_plan(rep: Rep) -> None:
    plan = _one_of(rep, "day_plan", 0.05)
    if plan is not None:
        stores = [each["store_id"] for each in plan.fields["stops"]]
        rep.phone.propose_day_plan(plan.id, "the other way round", stores[::-1])


def _think_again_of_attendance(rep: Rep) -> None:
    event = _one_made(rep, "attendance", 0.05)
    if event is not None:
        rep.phone.correct_attendance(event.id, "pressed the wrong one", "BREAK_END")


def _deliver(rep: Rep) -> None:
    """What is on its way and on this phone is brought, mostly: to somebody else's seat as well, so that several
    phones say what became of one order.
    """
    phone, random = rep.phone, rep.random
    for order in phone.held("order"):
        is_said = any(item.is_unsent for item in phone.outbox.of_entity(order.id))
        if order.fields["state"] != "DISPATCHED" or is_said or random.random() < 0.5:
            continue
        lines = []
        for line in order.fields["lines"]:
            short = random.randint(0, line["quantity"]) if random.random() < 0.2 else 0
            reason = "DAMAGED" if short else None
            lines.append(AtTheDoor(line["quantity"] - short, short=short, reason=reason))
        deliver_order(phone, order.id, lines, None, proofs=[_PROOF])


def _withdraw(rep: Rep) -> None:
    asked = _one_of(rep, "activity_store", 0.1)
    if asked is not None and may_withdraw(rep.phone, asked.id):
        withdraw_request(rep.phone, asked.id, "they changed their mind")


def _think_again_of_audits_and_forms(rep: Rep) -> None:
    brought = _one_made(rep, "audit_visit", 0.1)
    if brought is not None:
        correct_brought(rep.phone, brought.id, "looked again", note="the cooler is new")
    answered = _one_made(rep, "form_answer", 0.05)
    templates = {template.id for template in rep.phone.held("form_template")}
    if answered is not None and answered.fields["template_id"] in templates:
        form = open_form(rep.phone, answered.fields["template_id"])
        fill(rep.random, rep.phone, form, answered.fields["store_id"])
        correct_form(rep.phone, answered.id, form, "counted again")


def _send_nonsense(rep: Rep) -> None:
    now = rep.clock.read()
    item = {
        "op_id": _some_id(rep),
        "kind": "visit",
        "entity_id": _some_id(rep),
        "op": "create",
        "captured_at": now.wall_ms,
        "captured_boot_id": now.boot_id,
        "captured_uptime_ms": now.uptime_ms,
        "payload": {"is_by_phone": "perhaps"},
    }
    rep.phone.outbox.add(item, contract=rep.contract)


def _one_of(rep: Rep, kind: str, chance: float) -> HeldRecord | None:
    held = rep.phone.held(kind) if rep.random.random() < chance else ()
    return rep.random.choice(held) if held else None


def _one_made(rep: Rep, kind: str, chance: float) -> HeldRecord | None:
    """One that this phone made: of it every version is an item of a soak's phones, which is counted."""
    made = {sent.entity_id for sent in rep.tracked.values() if sent.op == "create"}
    held = rep.phone.held(kind) if rep.random.random() < chance else ()
    own = [record for record in held if record.id in made]
    return rep.random.choice(own) if own else None


def _some_id(rep: Rep) -> str:
    return str(uuid.UUID(int=rep.random.getrandbits(128), version=4))
