"""A year's target split down the tree: year → month → region → position → product group.

Pure: the structure of the company, last year and the potential come in, the nodes go out. Regions lie
below regions as in the company's tree; at a region the regions below it come first, then the positions
that sit in it, each by code. At every node the parts add up exactly (splitting.py).
Source: domain rules, "Targets and pay".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fractions import Fraction
from uuid import UUID, uuid5

from server.language import Said, said_by
from server.targets.errors import NobodyToSplitOver, NoSuchNode, PinsDiffer, TooManyNodes
from server.targets.splitting import Part, Share, Weights, split

AT_MOST_NODES = 400_000
MONTHS = 12


class Level(StrEnum):
    """Where in the tree a node is."""

    YEAR = "YEAR"
    MONTH = "MONTH"
    REGION = "REGION"
    POSITION = "POSITION"
    GROUP = "GROUP"


@dataclass(frozen=True, slots=True)
class Place:
    """What a node is about. Together with the plan it is the node: its id is the same in every version."""

    level: Level
    month: date | None = None
    region_id: UUID | None = None
    position_id: UUID | None = None
    product_group: str | None = None

    def node_id(self, plan_id: UUID) -> UUID:
        """The id of the node at this place of a plan."""
        month = None if self.month is None else f"{self.month:%Y-%m}"
        named = (self.level, month, self.region_id, self.position_id, self.product_group)
        return uuid5(plan_id, "/".join("" if part is None else str(part) for part in named))


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A part of a plan with all that its amount follows from.

    `last_year` and `potential` are what it was weighed by. `is_carried`: its month was over when the
    plan was split anew, so it has what it had.
    """

    id: UUID
    parent_id: UUID | None
    sequence: int
    place: Place
    amount: int
    is_pinned: bool = False
    is_carried: bool = False
    last_year: int = 0
    potential: int = 0
    weight: Fraction = Fraction(0)
    floor: int = 0
    remainder: Fraction = Fraction(0)
    has_extra: bool = False

    @property
    def is_fixed_below(self) -> bool:
        """Whether it has what its parts are fixed at, all of them: it had no share of what was left."""
        is_shared = not self.is_pinned and not self.is_carried and self.parent_id is not None
        return is_shared and self.weight == 0 and self.amount > 0


@dataclass(frozen=True, slots=True)
class RegionBelow:
    """A region of the plan's part of the tree."""

    id: UUID
    code: str
    parent_id: UUID | None


@dataclass(frozen=True, slots=True)
class PositionBelow:
    """A position that takes part, with its potential."""

    id: UUID
    code: str
    region_id: UUID
    potential: int


@dataclass(frozen=True, slots=True)
class GroupBelow:
    """A product group that every position's target is split over, with its potential."""

    name: str
    potential: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a plan is split by.

    `last_year` is by (position, month 1 … 12, product group or None for all of them); `working_days`
    by month, 1 … 12, the potential of a month.
    """

    root_region_id: UUID
    regions: Sequence[RegionBelow]
    positions: Sequence[PositionBelow]
    groups: Sequence[GroupBelow]
    last_year: Mapping[tuple[UUID, int, str | None], int]
    working_days: Mapping[int, int]


def plan_tree(
    plan_id: UUID,
    year: int,
    total: int,
    weights: Weights,
    basis: Basis,
    *,
    pins: Mapping[UUID, int] | None = None,
    carried: Mapping[int, Sequence[Node]] | None = None,
    before: Sequence[Node] = (),
) -> list[Node]:
    """The nodes of a plan, parents before their parts, parts in their order.

    `pins` gives amounts by node id; a node whose parts are all fixed has their sum. `carried` gives the nodes of months that are over, by month, the
    month's own first: they stay as they were. `before` are the nodes of a version that was split by the
    same weights: where a node and all that its parts are weighed by are as they were, so are the parts.
    Sharing a rest again, of which months that are over took their rounded amounts, could move them by
    one. Raises NobodyToSplitOver, PinsDiffer, NoSuchNode for a pin that is nowhere, TooManyNodes.
    """
    tree = _Tree(plan_id, year, weights, basis, dict(pins or {}), carried or {}, before)
    return tree.build(total)


@dataclass(frozen=True, slots=True)
class _Child:
    """A part before the split: its place, and what it is weighed by."""

    place: Place
    last_year: int
    potential: int
    named: str


class _Tree:
    """Builds the nodes of one plan."""

    def __init__(
        self,
        plan_id: UUID,
        year: int,
        weights: Weights,
        basis: Basis,
        pins: dict[UUID, int],
        carried: Mapping[int, Sequence[Node]],
        before: Sequence[Node],
    ) -> None:
        self.plan_id = plan_id
        self.year = year
        self.weights = weights
        self.basis = basis
        self.pins = pins
        self.carried = carried
        self.amounts_before = {node.id: node.amount for node in before}
        self.parts_before: dict[UUID, list[Node]] = {}
        for node in sorted(before, key=lambda each: each.sequence):
            if node.parent_id is not None:
                self.parts_before.setdefault(node.parent_id, []).append(node)
        self.nodes: list[Node] = []
        self.codes = {region.id: region.code for region in basis.regions} | {
            position.id: position.code for position in basis.positions
        }
        self.positions_at: dict[UUID, list[PositionBelow]] = {}
        for position in sorted(basis.positions, key=lambda each: (each.code, each.id)):
            self.positions_at.setdefault(position.region_id, []).append(position)
        self.regions_at: dict[UUID, list[RegionBelow]] = {}
        for region in sorted(basis.regions, key=lambda each: (each.code, each.id)):
            if region.parent_id is not None and region.id != basis.root_region_id:
                self.regions_at.setdefault(region.parent_id, []).append(region)
        # The positions at or below each region; a region without any takes no part.
        self.below: dict[UUID, list[PositionBelow]] = {}
        self._gather(basis.root_region_id)
        # What follows from the parts: where all of them are fixed, so is the whole.
        self.implied: dict[UUID, int] = {}
        for number in range(1, MONTHS + 1):
            if self.pins and number not in self.carried:
                month = date(year, number, 1)
                self._imply(
                    Place(Level.MONTH, month), self._fixed_below(basis.root_region_id, month)
                )

    def _gather(self, region_id: UUID) -> list[PositionBelow]:
        found = list(self.positions_at.get(region_id, ()))
        for region in self.regions_at.get(region_id, ()):
            found += self._gather(region.id)
        self.below[region_id] = found
        return found

    def _fixed_below(self, region_id: UUID, month: date) -> list[int | None]:
        """At how much each part of a region is fixed in a month, by itself or by its own parts."""
        amounts = []
        for region in self.regions_at.get(region_id, ()):
            if self.below[region.id]:
                place = Place(Level.REGION, month, region_id=region.id)
                amounts.append(self._imply(place, self._fixed_below(region.id, month)))
        for position in self.positions_at.get(region_id, ()):
            groups = [
                self.pins.get(
                    Place(Level.GROUP, month, None, position.id, group.name).node_id(self.plan_id)
                )
                for group in self.basis.groups
            ]
            amounts.append(self._imply(Place(Level.POSITION, month, None, position.id), groups))
        return amounts

    def _imply(self, place: Place, parts: Sequence[int | None]) -> int | None:
        """At how much a node is fixed, given its parts."""
        node_id = place.node_id(self.plan_id)
        if node_id in self.pins:
            return self.pins[node_id]
        fixed = [amount for amount in parts if amount is not None]
        if not parts or len(fixed) < len(parts):
            return None
        self.implied[node_id] = sum(fixed)
        return self.implied[node_id]

    def build(self, total: int) -> list[Node]:
        taking_part = self.below[self.basis.root_region_id]
        if not taking_part:
            raise NobodyToSplitOver(Said("no position of the plan is in its region or below"))
        regions = sum(1 for found in self.below.values() if found)
        each_month = 1 + regions + len(taking_part) * (1 + len(self.basis.groups))
        if MONTHS * each_month > AT_MOST_NODES:
            raise TooManyNodes(
                Said(
                    "a plan has at most {most} parts: split a region or a division by itself",
                    most=AT_MOST_NODES,
                )
            )
        year = Place(Level.YEAR)
        root = Node(
            id=year.node_id(self.plan_id), parent_id=None, sequence=0, place=year, amount=total
        )
        self.nodes.append(root)
        self._months(root)
        if self.pins:
            raise NoSuchNode(Said("a part that shall be fixed is not, or no longer, in the plan"))
        return self.nodes

    def _months(self, root: Node) -> None:
        children = [
            _Child(
                place=Place(Level.MONTH, date(self.year, number, 1)),
                last_year=self._last_year(self.below[self.basis.root_region_id], number),
                potential=self.basis.working_days.get(number, 0),
                named=f"{self.year}-{number:02}",
            )
            for number in range(1, MONTHS + 1)
        ]
        over = {number: nodes[0].amount for number, nodes in self.carried.items()}
        for number, node in enumerate(self._spread(root, children, str(self.year), over), start=1):
            if number in self.carried:
                self.nodes += self.carried[number][1:]
            else:
                self._region(node, self.basis.root_region_id, number)

    def _region(self, node: Node, region_id: UUID, number: int) -> None:
        month = node.place.month
        below = [each for each in self.regions_at.get(region_id, ()) if self.below[each.id]]
        here = self.positions_at.get(region_id, [])
        children = [
            _Child(
                place=Place(Level.REGION, month, region_id=each.id),
                last_year=self._last_year(self.below[each.id], number),
                potential=sum(position.potential for position in self.below[each.id]),
                named=each.code,
            )
            for each in below
        ] + [
            _Child(
                place=Place(Level.POSITION, month, position_id=each.id),
                last_year=self._last_year([each], number),
                potential=each.potential,
                named=each.code,
            )
            for each in here
        ]
        for child in self._spread(node, children, f"{month:%Y-%m} {self.codes[region_id]}"):
            if child.place.region_id is not None:
                self._region(child, child.place.region_id, number)
            elif child.place.position_id is not None:
                self._groups(child, child.place.position_id, number)

    def _groups(self, node: Node, position_id: UUID, number: int) -> None:
        if not self.basis.groups:
            return
        month = node.place.month
        children = [
            _Child(
                place=Place(Level.GROUP, month, position_id=position_id, product_group=group.name),
                last_year=self.basis.last_year.get((position_id, number, group.name), 0),
                potential=group.potential,
                named=group.name,
            )
            for group in self.basis.groups
        ]
        self._spread(node, children, f"{month:%Y-%m} {self.codes[position_id]}")

    def _spread(
        self,
        parent: Node,
        children: Sequence[_Child],
        named: str,
        carried: Mapping[int, int] | None = None,
    ) -> list[Node]:
        """Split a node over its children; their nodes, which are added to those of the plan."""
        over = carried or {}
        ids = [child.place.node_id(self.plan_id) for child in children]
        is_carried = [sequence in over for sequence in range(1, len(children) + 1)]
        is_pinned = [node_id in self.pins for node_id in ids]
        pinned = [
            over[sequence]
            if sequence in over
            else self.pins.pop(node_id, self.implied.get(node_id))
            for sequence, node_id in enumerate(ids, start=1)
        ]
        parts = [
            Part(child.last_year, child.potential, fixed)
            for child, fixed in zip(children, pinned, strict=True)
        ]
        shares = self._as_before(parent, ids, parts)
        if shares is None:
            try:
                shares = split(parent.amount, parts, self.weights)
            except PinsDiffer as differ:
                raise PinsDiffer(
                    Said("{named}: {differ}", named=named, differ=said_by(differ))
                ) from differ
        nodes = [
            replace(
                _node(node_id, parent, sequence, child, share),
                is_pinned=is_fixed and not is_over,
                is_carried=is_over,
            )
            for sequence, (node_id, child, share, is_fixed, is_over) in enumerate(
                zip(ids, children, shares, is_pinned, is_carried, strict=True), start=1
            )
        ]
        self.nodes += nodes
        return nodes

    def _as_before(
        self, parent: Node, ids: Sequence[UUID], parts: Sequence[Part]
    ) -> list[Share] | None:
        """The shares that the parts had, where nothing that they follow from is another now; what is fixed
        at just what it had moves nothing either.
        """
        before = self.parts_before.get(parent.id, [])
        if self.amounts_before.get(parent.id) != parent.amount or [n.id for n in before] != [*ids]:
            return None
        for node, part in zip(before, parts, strict=True):
            if part.pinned is not None:
                if part.pinned != node.amount:
                    return None
                continue
            was_free = not (node.is_pinned or node.is_carried or node.is_fixed_below)
            if not was_free or part != Part(node.last_year, node.potential):
                return None
        return [
            Share(
                amount=node.amount,
                is_pinned=part.pinned is not None,
                weight=Fraction(0) if part.pinned is not None else node.weight,
                floor=node.floor if part.pinned is None else node.amount,
                remainder=Fraction(0) if part.pinned is not None else node.remainder,
                has_extra=node.has_extra and part.pinned is None,
            )
            for node, part in zip(before, parts, strict=True)
        ]

    def _last_year(self, positions: Sequence[PositionBelow], number: int) -> int:
        return sum(self.basis.last_year.get((each.id, number, None), 0) for each in positions)


def _node(node_id: UUID, parent: Node, sequence: int, child: _Child, share: Share) -> Node:
    return Node(
        id=node_id,
        parent_id=parent.id,
        sequence=sequence,
        place=child.place,
        amount=share.amount,
        last_year=child.last_year,
        potential=child.potential,
        weight=share.weight,
        floor=share.floor,
        remainder=share.remainder,
        has_extra=share.has_extra,
    )
