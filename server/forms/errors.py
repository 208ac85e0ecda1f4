"""Why something about forms is refused: one class per cause, each with a code."""

from collections.abc import Sequence
from typing import ClassVar

from mobile_contract.schema import Fault


class FormError(Exception):
    """A change that is not made. `code` is stable; the text says what to do."""

    code: ClassVar[str] = "form"


class NoSuchForm(FormError):
    code = "no_such_form"


class NoSuchAnswer(FormError):
    code = "no_such_form_answer"


class NotNow(FormError):
    """The form is in a state in which this may not happen."""

    code = "not_now"


class NothingToPublish(FormError):
    code = "nothing_to_publish"


class EditRefused(FormError):
    """An act of the editor that would break what stands on it, or that goes past a bound. `field` is where it was typed."""

    code = "form_edit"

    def __init__(self, said: object, field: str = "") -> None:
        super().__init__(said)
        self.field = field


class NoSuchEdit(FormError):
    code = "no_such_form_edit"


class ChangedMeanwhile(FormError):
    """Somebody else changed the form since the edit was begun."""

    code = "form_changed_meanwhile"


class FormInvalid(FormError):
    """A definition that cannot be used: every fault with its place."""

    code = "form_invalid"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        lines = [f"  {fault.said_of('The form')}" for fault in self.faults]
        super().__init__("\n".join(["The form cannot be used:", *lines]))
