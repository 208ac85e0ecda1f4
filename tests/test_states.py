"""State machines, and their drawings."""

import pytest

from server.state_drawings import DOCUMENT, drawn, machines
from sync.state_machine import StateMachine, Step


def test_the_states_are_drawn_as_the_code_has_them() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == drawn(), "python -m server.state_drawings"


@pytest.mark.parametrize("machine", machines(), ids=lambda machine: machine.name)
def test_every_state_can_be_reached(machine: StateMachine) -> None:
    reached: set[str | None] = {None}
    for _ in machine.steps:
        reached |= {step.target for step in machine.steps if step.source in reached}
    assert reached - {None} == set(machine.states)


def test_an_act_leads_from_one_state_to_one_state() -> None:
    with pytest.raises(ValueError, match="leads from OPEN to two states"):
        StateMachine("door", "", (Step("OPEN", "push", "SHUT"), Step("OPEN", "push", "OPEN")))


def test_what_may_not_happen_in_a_state_leads_nowhere() -> None:
    door = StateMachine("door", "", (Step(None, "build", "OPEN"), Step("OPEN", "push", "SHUT")))
    assert door.after("OPEN", "push") == "SHUT"
    assert door.after("SHUT", "push") is None
    assert door.last_states == ("SHUT",)
    assert door.acts_from("OPEN") == ("push",)
    assert door.sources_of("push") == ("OPEN",)


def test_what_is_only_read_is_not_stored() -> None:
    call = StateMachine(
        "call", "", (Step(None, "begin", "OPEN"), Step("OPEN", "late", "LOST", is_derived=True))
    )
    assert call.stored_states == ("OPEN",)
    assert call.states == ("OPEN", "LOST")
