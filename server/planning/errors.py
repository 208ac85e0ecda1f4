"""Why a decision of planning is refused: one class per cause, each with a code."""

from typing import ClassVar

from server.language import Said


class PlanningError(Exception):
    """A change that is not made. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "planning"


class NoSuchRoute(PlanningError):
    code = "no_such_route"


class NoSuchStore(PlanningError):
    code = "no_such_store"


class NoSuchPosition(PlanningError):
    code = "no_such_position"


class NoSuchRegion(PlanningError):
    code = "no_such_region"


class NoSuchDivision(PlanningError):
    code = "no_such_division"


class NoSuchPlan(PlanningError):
    code = "no_such_plan"


class NoSuchProposal(PlanningError):
    code = "no_such_proposal"


class NoSuchConflict(PlanningError):
    code = "no_such_conflict"


class StopsInvalid(PlanningError):
    """The stops of a route or a plan cannot be taken; the text names the first one at fault."""

    code = "stops_invalid"


class FieldInvalid(PlanningError):
    """A field of a store cannot be what was given; the text names it."""

    code = "field_invalid"


class BoundaryInvalid(FieldInvalid):
    """A region cannot have this line. `why` is stable; `figures` are its numbers and names; `at` is where, in degrees."""

    def __init__(
        self,
        said: Said,
        why: str,
        *,
        at: tuple[float, float] | None = None,
        **figures: str | int,
    ) -> None:
        super().__init__(Said("boundary: {said}", said=said))
        self.why = why
        self.at = at
        self.figures = figures


class CodeTaken(PlanningError):
    code = "code_taken"


class NameTaken(PlanningError):
    """A position has an active route of this name already."""

    code = "name_taken"


class TooEarly(PlanningError):
    """Whoever is no admin hands over from today on."""

    code = "too_early"


class MayNotDecide(PlanningError):
    """Nobody decides about their own."""

    code = "may_not_decide"


class AlreadyDecided(PlanningError):
    code = "already_decided"


class Outdated(PlanningError):
    """What was proposed was made against an older version, and who decides did not say they know."""

    code = "outdated"


class ChoiceInvalid(PlanningError):
    code = "choice_invalid"


class PhoneTooFull(PlanningError):
    """A phone would hold more records than the company's policy allows."""

    code = "phone_too_full"

    def __init__(self, name: str, records: int, limit: int) -> None:
        super().__init__(
            f"the phone of {name} would hold {records} records; the company's limit is {limit}"
        )
        self.name = name
        self.records = records
        self.limit = limit


class ManyStores(PlanningError):
    """More stores are concerned than somebody waits for on a page: a worker does it."""

    code = "many_stores"

    def __init__(self, number: int) -> None:
        super().__init__(Said("{number} stores would change their region", number=number))
        self.number = number
