"""Nodes of plans as rows: written as one set, read back as they were."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any
from uuid import UUID

from server.targets.tree import Level, Node, Place
from sync.direct import execute
from sync.rows import RowSet, Statements
from sync.unit_of_work import UnitOfWork

WRITTEN_AT_ONCE = 5_000

_ROWS = RowSet(
    "target_node",
    (
        ("target_plan_id", "uuid"),
        ("version", "int4"),
        ("id", "uuid"),
        ("parent_id", "uuid"),
        ("sequence", "int4"),
        ("level", "text"),
        ("month", "date"),
        ("region_id", "uuid"),
        ("position_id", "uuid"),
        ("product_group", "text"),
        ("amount", "int8"),
        ("is_pinned", "bool"),
        ("is_carried", "bool"),
        ("last_year", "int8"),
        ("potential", "int8"),
        ("weight", "text"),
        ("floor", "int8"),
        ("remainder", "text"),
        ("has_extra", "bool"),
    ),
)
# Parents before their parts, and parts in their order.
_NODES = """
select n.* from target_node n
where n.company_id = :company and n.target_plan_id = :plan and n.version = :version
order by n.month nulls first,
         array_position(array['YEAR', 'MONTH', 'REGION', 'POSITION', 'GROUP'], n.level),
         n.sequence, n.id
"""


def write_nodes(uow: UnitOfWork, plan_id: UUID, version: int, nodes: Sequence[Node]) -> None:
    """Write the nodes of a version."""
    for start in range(0, len(nodes), WRITTEN_AT_ONCE):
        statements = Statements()
        statements.add_rows(
            _ROWS,
            uow.company_id,
            [
                (
                    plan_id,
                    version,
                    node.id,
                    node.parent_id,
                    node.sequence,
                    node.place.level.value,
                    node.place.month,
                    node.place.region_id,
                    node.place.position_id,
                    node.place.product_group,
                    node.amount,
                    node.is_pinned,
                    node.is_carried,
                    node.last_year,
                    node.potential,
                    str(node.weight),
                    node.floor,
                    str(node.remainder),
                    node.has_extra,
                )
                for node in nodes[start : start + WRITTEN_AT_ONCE]
            ],
        )
        execute(uow.driver, statements)


def read_nodes(uow: UnitOfWork, plan_id: UUID, version: int) -> list[Node]:
    """All nodes of a version; of each month its own first."""
    rows = uow.rows(_NODES, company=uow.company_id, plan=plan_id, version=version)
    return [node_of(row) for row in rows]


def node_of(row: Any) -> Node:
    """The node of a row."""
    return Node(
        id=row.id,
        parent_id=row.parent_id,
        sequence=row.sequence,
        place=Place(Level(row.level), row.month, row.region_id, row.position_id, row.product_group),
        amount=row.amount,
        is_pinned=row.is_pinned,
        is_carried=row.is_carried,
        last_year=row.last_year,
        potential=row.potential,
        weight=Fraction(row.weight),
        floor=row.floor,
        remainder=Fraction(row.remainder),
        has_extra=row.has_extra,
    )
