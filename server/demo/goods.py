"""What the demo company sells: drinks and snacks, made of families, flavours and sizes."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid5

from server.catalogue.products import NewProduct

# division, family code, category, brand, name, flavours, sizes (text, pieces a carton, fen), shelf life
_FAMILIES = (
    ("DRINKS", "GTEA", "Tea drinks", "Qingshan", "Green tea", ("Original", "Honey", "Lemon", "Jasmine"),
     (("500 ml", 15, 300), ("1 l", 12, 500)), 270),
    ("DRINKS", "MTEA", "Tea drinks", "Qingshan", "Milk tea", ("Original", "Oolong", "Taro"),
     (("450 ml", 15, 450),), 240),
    ("DRINKS", "WATR", "Water", "Yunhe Spring", "Spring water", ("Still", "Sparkling"),
     (("330 ml", 24, 120), ("550 ml", 24, 160), ("1.5 l", 12, 320), ("5 l", 4, 880)), 540),
    ("DRINKS", "JUIC", "Juice", "Guoyuan", "Juice", ("Orange", "Apple", "Peach", "Hawthorn", "Plum"),
     (("300 ml", 24, 350), ("1 l", 12, 850)), 300),
    ("DRINKS", "SODA", "Soft drinks", "Popo", "Soda", ("Cola", "Lemon", "Lychee", "Salted plum"),
     (("330 ml can", 24, 250), ("600 ml", 15, 320), ("2 l", 8, 680)), 360),
    ("DRINKS", "COFF", "Coffee", "Morning Boat", "Coffee", ("Latte", "Americano", "Coconut"),
     (("268 ml", 15, 600),), 270),
    ("DRINKS", "SOYM", "Soy and nuts", "Doubao", "Soy milk", ("Original", "Black bean", "Walnut"),
     (("250 ml", 24, 280), ("1 l", 12, 980)), 180),
    ("DRINKS", "ENER", "Energy drinks", "Red Ox Cart", "Energy drink", ("Original", "Sugar free"),
     (("250 ml can", 24, 520),), 540),
    ("SNACKS", "CHIP", "Chips", "Cuicui", "Potato chips",
     ("Salted", "Tomato", "Cucumber", "Spicy crayfish", "Seaweed"), (("40 g", 40, 320), ("104 g", 22, 750)), 270),
    ("SNACKS", "RICE", "Rice crackers", "Cuicui", "Rice crackers", ("Savoury", "Sweet", "Seaweed"),
     (("56 g", 30, 290), ("150 g", 20, 690), ("400 g", 10, 1_580)), 270),
    ("SNACKS", "BISC", "Biscuits", "Maixiang", "Biscuits", ("Oat", "Butter", "Chocolate", "Soda", "Sesame"),
     (("100 g", 24, 450), ("320 g", 12, 1_280)), 300),
    ("SNACKS", "NUTS", "Nuts", "Old Orchard", "Nuts", ("Peanuts", "Sunflower", "Pistachios", "Cashews"),
     (("80 g", 30, 680), ("228 g", 15, 1_680)), 240),
    ("SNACKS", "NOOD", "Instant noodles", "Wanjia", "Noodles",
     ("Beef", "Chicken mushroom", "Pickled cabbage", "Tomato egg"), (("bag", 24, 280), ("cup", 12, 450)), 180),
    ("SNACKS", "TOFU", "Spicy snacks", "La Meizi", "Spicy tofu", ("Mild", "Hot", "Sesame"),
     (("24 g", 60, 100), ("106 g", 30, 480)), 150),
    ("SNACKS", "CAND", "Sweets", "Tangtang", "Fruit drops", ("Mixed", "Mint", "Hawthorn"),
     (("45 g", 48, 350), ("500 g", 12, 1_980)), 540),
    ("SNACKS", "JELL", "Sweets", "Tangtang", "Jelly", ("Lychee", "Mango", "Grape"), (("90 g", 36, 240),), 270),
)  # fmt: skip
# Looked for in stores, never sold.
_COMPETITORS = (
    ("XTEA", "Tea drinks", "Longjing Bros", "Green tea 500 ml"),
    ("XSOD", "Soft drinks", "Fizz King", "Cola 330 ml can"),
    ("XCHI", "Chips", "Crispy Cat", "Potato chips salted 40 g"),
    ("XNOO", "Instant noodles", "Grandpa Wu", "Beef noodles bag"),
    ("XWAT", "Water", "Glacier", "Still water 550 ml"),
    ("XBIS", "Biscuits", "Golden Field", "Oat biscuits 100 g"),
)


@dataclass(frozen=True, slots=True)
class Good:
    """A product of the demo with what a piece of it costs at the base, in fen; None: not sold."""

    product: NewProduct
    division_code: str | None
    piece_minor: int | None

    @property
    def pieces_a_carton(self) -> int:
        return self.product.units[-1][1]


def build_goods(company_key: UUID, divisions: dict[str, UUID]) -> list[Good]:
    """Every product of the demo, in the order of its codes' making."""
    goods = list(_own(company_key, divisions))
    goods += [
        Good(
            NewProduct(
                id=uuid5(company_key, f"product {code}"),
                code=code,
                name=f"{brand} {name}",
                units=(("PC", 1),),
                category=category,
                brand=brand,
                is_own=False,
                barcode=_barcode(691_000_0 + number, 0),
            ),
            None,
            None,
        )
        for number, (code, category, brand, name) in enumerate(_COMPETITORS)
    ]
    return goods


def _own(company_key: UUID, divisions: dict[str, UUID]) -> Iterator[Good]:
    for family, row in enumerate(_FAMILIES):
        division, stem, category, brand, name, flavours, sizes, shelf_life_days = row
        for place, flavour in enumerate(flavours):
            for size_place, (size, pieces, fen) in enumerate(sizes):
                code = f"{stem}-{place + 1}{size_place + 1}"
                # The first flavours in their first size are what a store is known by.
                must: tuple[tuple[str | None, str | None], ...] = ()
                if size_place == 0 and place == 0:
                    must = ((None, "A"), (None, "B"), ("supermarket", None))
                elif size_place == 0 and place == 1:
                    must = ((None, "A"),)
                yield Good(
                    NewProduct(
                        id=uuid5(company_key, f"product {code}"),
                        code=code,
                        name=f"{brand} {name} {flavour.lower()} {size}",
                        units=(("PC", 1), ("CTN", pieces)),
                        category=category,
                        brand=brand,
                        division_id=divisions[division],
                        barcode=_barcode(690_100_0 + family, 10 * place + size_place),
                        shelf_life_days=shelf_life_days,
                        min_order_quantity=0 if fen >= 500 else 6,
                        must_stock=must,
                    ),
                    division,
                    fen + 10 * (place % 3),
                )


def _barcode(maker: int, number: int) -> str:
    """A made-up EAN-13 with its check digit (ISO/IEC 15420)."""
    digits = f"{maker:07}{number:05}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"
