"""The delivery slip of an order: a page to print, the same bytes each time for one version of it.

Latin and Chinese letters are set in STSong-Light, a font that the reader has to have, as those of Acrobat and of
systems with Chinese fonts do: it is not in the file. A font that is given is: then the page is everywhere the same.
"""

import struct
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from server.orders.errors import FontUnreadable
from server.orders.one_order import LineRead, OrderRead, VersionRead
from sync.money import told_amount

FONT = "STSong-Light"
_TITLES = {"SALE": "Delivery slip 送货单", "RETURN": "Return slip 退货单"}
_COLUMNS = (
    ("#", 8),
    ("Code 编码", 24),
    ("Product 品名", 56),
    ("Unit 单位", 15),
    ("Qty 数量", 16),
    ("Price 单价", 21),
    ("Off 折扣", 18),
    ("Total 金额", 22),
)
_MARGIN = 15 * mm
# A row stands on one page: a text of more lines than these runs on.
_LINES_OF_TEXT = 8
_BETWEEN_LINES = " / "


def make_slip(
    order: OrderRead, order_version: int | None = None, *, font: Path | None = None
) -> bytes:
    """The slip of a version, the one that holds unless it is named, as PDF.

    `font` is a file of TrueType outlines to set it in. Raises NoSuchOrder, FontUnreadable.
    """
    version = order.version(order_version)
    page_of = _Page(_font(font))
    page = BytesIO()
    document = SimpleDocTemplate(
        page,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=22 * mm,
        title=f"{_TITLES[order.order_type]} {order.number or ''}",
        author=order.company_name,
        # Neither the time nor chance goes into the bytes.
        invariant=1,
    )

    def foot(canvas: Any, _document: Any) -> None:
        canvas.setFont(page_of.font, 8)
        said = f"{order.number or order.id} · version {version.order_version}"
        canvas.drawString(_MARGIN, 10 * mm, said)
        canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, f"page {canvas.getPageNumber()}")

    document.build(
        page_of.story(order, version),
        onFirstPage=foot,
        onLaterPages=foot,
    )
    return page.getvalue()


def _font(file: Path | None) -> str:
    """The name by which what is set finds its font."""
    if file is None:
        pdfmetrics.registerFont(UnicodeCIDFont(FONT))
        return FONT
    name = f"slip {file}"
    try:
        pdfmetrics.registerFont(TTFont(name, file))
    except (OSError, TTFError, ValueError, struct.error) as error:
        message = f"{file} is no font with TrueType outlines that can be read: {error}"
        raise FontUnreadable(" ".join(message.split())) from error
    return name


def _one_text(said: str) -> str:
    """The text as it stands in a row: printable, in a few lines or in one that runs on."""
    lines = [
        "".join(sign if sign.isprintable() else " " for sign in line).strip()
        for line in said.splitlines()
    ]
    lines = [line for line in lines if line]
    if len(lines) > _LINES_OF_TEXT:
        lines = [_BETWEEN_LINES.join(lines)]
    return "<br/>".join(map(escape, lines))


@dataclass(frozen=True, slots=True)
class _Page:
    """What stands on a slip, set in one font."""

    font: str

    def story(self, order: OrderRead, version: VersionRead) -> list[Any]:
        """All of it, from the head to the signatures."""
        return [
            *self._head(order, version),
            self._lines(order, version),
            *self._signatures(version),
        ]

    def _style(self, size: int = 9, **other: Any) -> ParagraphStyle:
        return ParagraphStyle(
            f"{self.font} {size} {sorted(other)}",
            fontName=self.font,
            fontSize=size,
            leading=size * 1.35,
            wordWrap="CJK",
            **other,
        )

    def _text(self, said: object, size: int = 9, **other: Any) -> Paragraph:
        return Paragraph(_one_text(str(said)), self._style(size, **other))

    def _head(self, order: OrderRead, version: VersionRead) -> list[Any]:
        store = " ".join(filter(None, (order.store_code, order.store_name)))
        contact = " ".join(filter(None, (order.contact_name, order.contact_phone)))
        account = " ".join(filter(None, (order.account_code, order.account_name)))
        told = [
            ("Order 订单", order.number or str(order.id)),
            ("Ordered 下单", f"{order.business_day.isoformat()}, {order.person}"),
            (
                "Deliver 送货",
                "" if version.delivery_on is None else version.delivery_on.isoformat(),
            ),
            ("Store 门店", store),
            ("Address 地址", order.address),
            ("Contact 联系人", contact),
            ("Account 客户", account),
            ("For the driver 送货说明", order.delivery_note or ""),
            ("Returns 退自订单", order.returns_number or ""),
            ("Note 备注", version.note or ""),
        ]
        rows = [[self._text(name), self._text(value)] for name, value in told if value]
        table = Table(rows, colWidths=[42 * mm, 138 * mm], hAlign="LEFT")
        table.setStyle(
            TableStyle(
                [("VALIGN", (0, 0), (-1, -1), "TOP"), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)]
            )
        )
        return [
            self._text(order.company_name, 11),
            self._text(_TITLES[order.order_type], 16),
            Spacer(1, 4 * mm),
            table,
            Spacer(1, 4 * mm),
        ]

    def _lines(self, order: OrderRead, version: VersionRead) -> Table:
        currency = order.currency
        rows = [[self._text(name, 8) for name, _ in _COLUMNS]]
        rows += [self._line(line, currency) for line in version.lines]
        total = f"{told_amount(version.total_minor, currency)} {currency}"
        rows.append(
            [
                self._text(""),
                self._text("Total 合计"),
                *[self._text("")] * 4,
                self._text(total, alignment=2),
                "",
            ]
        )
        last = len(rows) - 1
        table = Table(rows, colWidths=[width * mm for _, width in _COLUMNS], repeatRows=1)
        table.setStyle(
            TableStyle(
                [
                    ("GRID", (0, 0), (-1, last - 1), 0.4, colors.grey),
                    ("LINEABOVE", (0, last), (-1, last), 1, colors.black),
                    ("SPAN", (1, last), (5, last)),
                    ("SPAN", (6, last), (7, last)),
                    ("VALIGN", (0, 0), (-1, -1), "TOP"),
                    ("LEFTPADDING", (0, 0), (-1, -1), 3),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 3),
                ]
            )
        )
        return table

    def _line(self, line: LineRead, currency: str) -> list[Any]:
        amounts = (line.price_minor, line.discount_minor, line.total_minor)
        return [
            self._text(line.line),
            self._text(line.product_code),
            self._text(line.product_name),
            self._text(line.unit),
            self._text(line.quantity, alignment=2),
            *[self._text(told_amount(amount, currency), alignment=2) for amount in amounts],
        ]

    def _signatures(self, version: VersionRead) -> list[Any]:
        pieces = sum(line.quantity for line in version.lines)
        said = f"{len(version.lines)} lines, {pieces} units. 共 {len(version.lines)} 行 {pieces} 件"
        boxes = Table(
            [
                [self._text("Driver 司机"), self._text("Received 收货人"), self._text("Date 日期")],
                ["", "", ""],
            ],
            colWidths=[60 * mm] * 3,
            rowHeights=[6 * mm, 18 * mm],
        )
        boxes.setStyle(TableStyle([("BOX", (n, 0), (n, 1), 0.4, colors.grey) for n in range(3)]))
        return [Spacer(1, 3 * mm), self._text(said), Spacer(1, 6 * mm), boxes]
