"""The delivery slip of an order: a page to print, the same bytes each time for one version of it.

Latin and Chinese letters are set in a font that every reader of PDF has (STSong-Light, a CID font of the
PDF Reference, Appendix H), so that no font has to be shipped.
"""

from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

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


def make_slip(order: OrderRead, order_version: int | None = None) -> bytes:
    """The slip of a version, the one that holds unless it is named, as PDF. Raises NoSuchOrder."""
    version = order.version(order_version)
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
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
        canvas.setFont(FONT, 8)
        said = f"{order.number or order.id} · version {version.order_version}"
        canvas.drawString(_MARGIN, 10 * mm, said)
        canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, f"page {canvas.getPageNumber()}")

    document.build(
        [*_head(order, version), _lines(order, version), *_signatures(version)],
        onFirstPage=foot,
        onLaterPages=foot,
    )
    return page.getvalue()


def _style(size: int = 9, **other: Any) -> ParagraphStyle:
    return ParagraphStyle(
        f"slip {size} {sorted(other)}",
        fontName=FONT,
        fontSize=size,
        leading=size * 1.35,
        wordWrap="CJK",
        **other,
    )


def _text(said: object, size: int = 9, **other: Any) -> Paragraph:
    return Paragraph(escape(str(said)).replace("\n", "<br/>"), _style(size, **other))


def _head(order: OrderRead, version: VersionRead) -> list[Any]:
    store = " ".join(filter(None, (order.store_code, order.store_name)))
    contact = " ".join(filter(None, (order.contact_name, order.contact_phone)))
    account = " ".join(filter(None, (order.account_code, order.account_name)))
    told = [
        ("Order 订单", order.number or str(order.id)),
        ("Ordered 下单", f"{order.business_day.isoformat()}, {order.person}"),
        ("Deliver 送货", "" if version.delivery_on is None else version.delivery_on.isoformat()),
        ("Store 门店", store),
        ("Address 地址", order.address),
        ("Contact 联系人", contact),
        ("Account 客户", account),
        ("For the driver 送货说明", order.delivery_note or ""),
        ("Returns 退自订单", order.returns_number or ""),
        ("Note 备注", version.note or ""),
    ]
    rows = [[_text(name), _text(value)] for name, value in told if value]
    table = Table(rows, colWidths=[42 * mm, 138 * mm], hAlign="LEFT")
    table.setStyle(
        TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("BOTTOMPADDING", (0, 0), (-1, -1), 1)])
    )
    return [
        _text(order.company_name, 11),
        _text(_TITLES[order.order_type], 16),
        Spacer(1, 4 * mm),
        table,
        Spacer(1, 4 * mm),
    ]


def _lines(order: OrderRead, version: VersionRead) -> Table:
    currency = order.currency
    rows = [[_text(name, 8) for name, _ in _COLUMNS]]
    rows += [_line(line, currency) for line in version.lines]
    total = f"{told_amount(version.total_minor, currency)} {currency}"
    rows.append([_text(""), _text("Total 合计"), *[_text("")] * 4, _text(total, alignment=2), ""])
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


def _line(line: LineRead, currency: str) -> list[Any]:
    amounts = (line.price_minor, line.discount_minor, line.total_minor)
    return [
        _text(line.line),
        _text(line.product_code),
        _text(line.product_name),
        _text(line.unit),
        _text(line.quantity, alignment=2),
        *[_text(told_amount(amount, currency), alignment=2) for amount in amounts],
    ]


def _signatures(version: VersionRead) -> list[Any]:
    pieces = sum(line.quantity for line in version.lines)
    said = f"{len(version.lines)} lines, {pieces} units. 共 {len(version.lines)} 行 {pieces} 件"
    boxes = Table(
        [
            [_text("Driver 司机"), _text("Received 收货人"), _text("Date 日期")],
            ["", "", ""],
        ],
        colWidths=[60 * mm] * 3,
        rowHeights=[6 * mm, 18 * mm],
    )
    boxes.setStyle(TableStyle([("BOX", (n, 0), (n, 1), 0.4, colors.grey) for n in range(3)]))
    return [Spacer(1, 3 * mm), _text(said), Spacer(1, 6 * mm), boxes]
