"""Why something about a task, a notice or a location check is refused: one class per cause."""

from typing import ClassVar


class TaskError(Exception):
    """A change that is not made. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "task"


class NoSuchTask(TaskError):
    code = "no_such_task"


class NoSuchNotice(TaskError):
    code = "no_such_notice"


class NoSuchCheck(TaskError):
    code = "no_such_check"


class NoSuchPosition(TaskError):
    code = "no_such_position"


class NoSuchPerson(TaskError):
    code = "no_such_person"


class NoSuchRecord(TaskError):
    """What a task is to be about is not there."""

    code = "no_such_record"


class FieldInvalid(TaskError):
    """A field cannot be what was given; the text names it."""

    code = "field_invalid"


class WrongState(TaskError):
    """What it is by now does not let this happen."""

    code = "wrong_state"


class BeyondScope(TaskError):
    """A notice would reach people whom its giver may not see."""

    code = "beyond_scope"


class OutsideWorkingHours(TaskError):
    """Nobody is asked where they are outside of working hours."""

    code = "outside_working_hours"


class AskedAlready(TaskError):
    """The person is asked already and has time left to answer."""

    code = "asked_already"
