"""Why a change of targets is refused: one class per cause, each with a code."""

from typing import ClassVar


class TargetsError(Exception):
    """A change that is not made. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "targets"


class NoSuchPlan(TargetsError):
    code = "no_such_target_plan"


class NoSuchNode(TargetsError):
    """A part of a plan that is not there, or is not split any further."""

    code = "no_such_target_node"


class TargetInvalid(TargetsError):
    """A field of a plan cannot be what was given; the text names it."""

    code = "target_invalid"


class PlanExists(TargetsError):
    code = "target_plan_exists"


class PlanOutdated(TargetsError):
    """Somebody split the plan again since whoever asks saw it."""

    code = "target_plan_outdated"


class PlansOverlap(TargetsError):
    """Another plan sets the same target of a position."""

    code = "target_plans_overlap"


class PinsDiffer(TargetsError):
    """The fixed parts leave less than nothing, or something that nobody is left to take."""

    code = "target_pins_differ"


class NobodyToSplitOver(TargetsError):
    code = "nobody_to_split_over"


class TooManyNodes(TargetsError):
    code = "too_many_target_nodes"
