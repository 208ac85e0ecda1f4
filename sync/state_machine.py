"""State machines as data: which state follows which, by what act and whose. Code asks them what may
follow, and docs/STATES.md is drawn from them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Step:
    """From a state, by an act, to a state. A source of None is where it begins.

    `by` says whose act it is, in words. What is `derived` is never stored: it is read from facts.
    """

    source: str | None
    act: str
    target: str
    by: str = ""
    is_derived: bool = False


@dataclass(frozen=True)
class StateMachine:
    """The states of one thing. From one state an act leads to one state.

    Raises ValueError when made with an act that leads from one state to two.
    """

    name: str
    about: str
    steps: tuple[Step, ...]
    _next: dict[tuple[str | None, str], str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        following: dict[tuple[str | None, str], str] = {}
        for step in self.steps:
            if (step.source, step.act) in following:
                raise ValueError(f"{self.name}: {step.act} leads from {step.source} to two states")
            following[step.source, step.act] = step.target
        object.__setattr__(self, "_next", following)

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, in the order in which the steps name them."""
        named = (state for step in self.steps for state in (step.source, step.target))
        return tuple(dict.fromkeys(state for state in named if state is not None))

    @property
    def stored_states(self) -> tuple[str, ...]:
        """The states that a table may hold: those that some step stores."""
        stored = {state for step in self.steps if not step.is_derived for state in _ends(step)}
        return tuple(state for state in self.states if state in stored)

    @property
    def last_states(self) -> tuple[str, ...]:
        """The states from which nothing leads on."""
        left = {step.source for step in self.steps}
        return tuple(state for state in self.states if state not in left)

    def after(self, state: str | None, act: str) -> str | None:
        """The state that an act leads to from this one; None where it may not happen."""
        return self._next.get((state, act))

    def acts_from(self, state: str | None) -> tuple[str, ...]:
        """What may happen in a state."""
        return tuple(step.act for step in self.steps if step.source == state)

    def sources_of(self, act: str) -> tuple[str, ...]:
        """The states in which an act may happen."""
        return tuple(step.source for step in self.steps if step.act == act and step.source)

    def as_mermaid(self) -> str:
        """The machine as a Mermaid state diagram, its lines in the order of the steps."""
        lines = ["stateDiagram-v2"]
        for step in self.steps:
            said = f"{step.act} ({step.by})" if step.by else step.act
            read = ", when read" if step.is_derived else ""
            lines.append(f"    {step.source or '[*]'} --> {step.target}: {said}{read}")
        lines += [f"    {state} --> [*]" for state in self.last_states]
        return "\n".join(lines)


def _ends(step: Step) -> Iterable[str]:
    return (step.target,) if step.source is None else (step.source, step.target)
