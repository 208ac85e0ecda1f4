"""form_template: a form as people fill it in, in the version that is in force. Only down.

What a definition means, and how a phone works it out, is in PROTOCOL.md under "Forms". A definition
is also the file that an office imports: the schema is the format. What a schema cannot say of it
(names that fit, expressions that can be worked out) is in `mobile_contract/forms/template.py`.
"""

from typing import Any, Final

from mobile_contract.fields import (
    JSON_INT_MAX,
    OPTIONAL,
    Bool,
    Choice,
    Id,
    Int,
    ListOf,
    MapOf,
    OneOf,
    Part,
    Pattern,
    Text,
)
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.product import GROUP_MAX, PRODUCT_CODE_MAX
from mobile_contract.records.visit import STEPS
from mobile_contract.schema import WireSchema

CODE_MAX: Final = 30
CODE_PATTERN: Final = r"[a-z][a-z0-9_]{0,29}"
TEMPLATE_CODE_PATTERN: Final = r"[A-Z][A-Z0-9_-]{0,39}"
LANGUAGE_PATTERN: Final = r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?"

QUESTIONS_MAX: Final = 100
COLUMNS_MAX: Final = 12
OPTIONS_MAX: Final = 60
ROWS_MAX: Final = 300
CONDITIONS_MAX: Final = 4
SCORES_MAX: Final = 40
LANGUAGES_MAX: Final = 8
EXPRESSION_MAX: Final = 400
DECIMALS_MAX: Final = 6
ANSWER_TEXT_MAX: Final = 2_000
ANSWER_LIST_MAX: Final = 60

ASKED: Final = (
    "BOOL",
    "INT",
    "MONEY",
    "TEXT",
    "CHOICE",
    "CHOICES",
    "DAY",
    "PHOTO",
    "PRODUCT",
    "ROWS",
)
"""What a person answers."""
WORKED_OUT: Final = ("COMPUTED", "TALLY")
"""What the phone works out from what was answered before."""
COLUMN_TYPES: Final = ("BOOL", "INT", "MONEY", "TEXT", "CHOICE", "DAY")
MEASURES: Final = ("OSA", "SHARE_OF_SHELF", "STOCK_AGE", "FRESHNESS", "STORE_SCORE")


def code(about: str, **kwargs: Any) -> Pattern:
    """A name inside a form."""
    words = "lower-case letters, digits and underscores, a letter first, at most 30"
    return Pattern(CODE_PATTERN, words, about=about, **kwargs)


def title(about: str) -> Text:
    """Words for a person, in the company's own language."""
    return Text(1, 200, about=about)


def titles() -> MapOf:
    """The same words in other languages."""
    return MapOf(
        Pattern(LANGUAGE_PATTERN, "a language as in BCP 47"),
        Text(1, 200),
        LANGUAGES_MAX,
        presence=OPTIONAL,
        about="the title by language, as in zh; the phone shows its person's, else title",
    )


def expression(about: str) -> Text:
    """An expression; see Expressions."""
    return Text(1, EXPRESSION_MAX, presence=OPTIONAL, about=about)


def whole(about: str) -> Int:
    """A whole number that may be left out."""
    return Int(-JSON_INT_MAX, JSON_INT_MAX, presence=OPTIONAL, about=about)


def decimals() -> Int:
    """How far a number is scaled."""
    return Int(
        0,
        DECIMALS_MAX,
        presence=OPTIONAL,
        about="INT: the answer is the number × 10 to this power; absent: 0",
    )


class FormOption(WireSchema):
    """One answer to choose."""

    is_sparse = True

    code = code("what the answer holds")
    title = title("what the person reads")
    titles = titles()


class FormCondition(WireSchema):
    """Something that holds of a row, or not."""

    is_sparse = True

    column = code("a column of the same rows")
    any_of = ListOf(
        OneOf(Bool(), Text(1, 30)),
        OPTIONS_MAX,
        minimum=1,
        presence=OPTIONAL,
        about="holds where the column has one of these values; absent: where it has any",
    )


def conditions(about: str) -> ListOf:
    """Conditions that must all hold."""
    return ListOf(Part(FormCondition), CONDITIONS_MAX, minimum=1, presence=OPTIONAL, about=about)


class FormColumn(WireSchema):
    """One thing that is asked in each row."""

    is_sparse = True

    code = code("its name among the columns")
    type = Choice(COLUMN_TYPES, about="what kind of answer")
    title = title("what the person reads")
    titles = titles()
    required = Bool(presence=OPTIONAL, about="whether each row needs it; absent: false")
    unit = Text(1, 20, presence=OPTIONAL, about="INT: what is counted or measured")
    decimals = decimals()
    currency = Pattern(
        "[A-Z]{3}",
        "a currency as in ISO 4217",
        presence=OPTIONAL,
        about="MONEY: of its minor units",
    )
    minimum = whole("INT, MONEY: smallest; TEXT: shortest")
    maximum = whole("INT, MONEY: largest; TEXT: longest")
    options = ListOf(
        Part(FormOption), OPTIONS_MAX, minimum=1, presence=OPTIONAL, about="CHOICE: what to choose"
    )
    shown_when = conditions("on earlier columns of the same row; absent: always shown")
    prefill = Choice(
        ("SHELF_LIFE_DAYS",),
        presence=OPTIONAL,
        about="what the phone puts in from the row's product record before the person looks",
    )


class FormRow(WireSchema):
    """One row that a form brings itself."""

    is_sparse = True

    code = code("its name among the rows: what the answer holds")
    title = title("what the person reads")
    titles = titles()
    product_code = Text(
        1,
        PRODUCT_CODE_MAX,
        presence=OPTIONAL,
        about="the code of the product that it stands for",
    )
    product_id = Id(
        presence=OPTIONAL, about="that product; the server puts it in when it publishes"
    )


class FormRows(WireSchema):
    """Where rows come from."""

    is_sparse = True

    source = Choice(
        ("FIXED", "MUST_STOCK", "CATEGORY"),
        about="FIXED: `items`. MUST_STOCK: the products that the store must stock. CATEGORY: the "
        "products of `category`. Rows of products are named by product_id",
    )
    items = ListOf(
        Part(FormRow), ROWS_MAX, minimum=1, presence=OPTIONAL, about="FIXED: the rows, in order"
    )
    category = Text(1, GROUP_MAX, presence=OPTIONAL, about="CATEGORY: the products' category")


class FormTally(WireSchema):
    """A whole number worked out of the rows of an earlier question."""

    is_sparse = True

    rows = code("the ROWS question")
    take = Choice(
        ("COUNT", "SUM", "MIN", "MAX"),
        about="of the rows that fit: how many, or the sum, smallest or largest of `column`",
    )
    column = code("SUM, MIN, MAX: an INT, MONEY or DAY column", presence=OPTIONAL)
    read_as = Choice(
        ("DAYS_SINCE", "DAYS_UNTIL"),
        presence=OPTIONAL,
        about="of a DAY column: visit_day less the day, or the day less visit_day",
    )
    where = conditions("which rows fit; absent: all. Rows without `column` never fit")


class FormQuestion(WireSchema):
    """One question, or a value that the phone works out."""

    is_sparse = True

    code = code("its name in answers and expressions")
    type = Choice((*ASKED, *WORKED_OUT), about="what kind of answer; see Types of questions")
    title = title("what the person reads")
    titles = titles()
    help = Text(1, 500, presence=OPTIONAL, about="more words, shown on demand")
    required = Bool(
        presence=OPTIONAL, about="whether it must be answered where it is shown; absent: false"
    )
    shown_when = expression("BOOL expression over what stands before; absent: always shown")
    unit = Text(1, 20, presence=OPTIONAL, about="INT, COMPUTED, TALLY: what is counted or measured")
    decimals = decimals()
    currency = Pattern(
        "[A-Z]{3}",
        "a currency as in ISO 4217",
        presence=OPTIONAL,
        about="MONEY: of its minor units",
    )
    minimum = whole("INT, MONEY: smallest; TEXT: shortest; CHOICES, PHOTO, ROWS: fewest")
    maximum = whole("INT, MONEY: largest; TEXT: longest; CHOICES, PHOTO, ROWS: most")
    options = ListOf(
        Part(FormOption),
        OPTIONS_MAX,
        minimum=1,
        presence=OPTIONAL,
        about="CHOICE, CHOICES: what to choose",
    )
    category = Text(
        1, GROUP_MAX, presence=OPTIONAL, about="PRODUCT: only products of this category"
    )
    rows = Part(FormRows, presence=OPTIONAL, about="ROWS: where its rows come from")
    columns = ListOf(
        Part(FormColumn), COLUMNS_MAX, minimum=1, presence=OPTIONAL, about="ROWS: asked in each row"
    )
    result = Choice(("INT", "BOOL"), presence=OPTIONAL, about="COMPUTED: what its expression gives")
    expression = expression("COMPUTED: over what stands before")
    tally = Part(FormTally, presence=OPTIONAL, about="TALLY: what is taken from which rows")


class FormScore(WireSchema):
    """One part of the score."""

    is_sparse = True

    code = code("its name among the scores")
    title = title("what the person reads")
    titles = titles()
    weight = Int(1, 1_000, about="how much a point counts")
    full = Int(1, 10_000, about="points that can be reached")
    points = Text(
        1, EXPRESSION_MAX, about="INT expression; below 0 is 0, above full is full, no value is 0"
    )
    applies_when = expression(
        "BOOL expression; false or no value: not applicable, leaves both sums; absent: applies"
    )


class FormMeasure(WireSchema):
    """What of the form is a measure of the store check: a ratio of two whole numbers."""

    is_sparse = True

    measure = Choice(MEASURES, about="which measure; STORE_SCORE is the form's score")
    over = code(
        "all but STORE_SCORE: the numerator, an INT, MONEY or TALLY question, or a COMPUTED one of "
        "result INT",
        presence=OPTIONAL,
    )
    out_of = code("all but STORE_SCORE: the denominator, the same", presence=OPTIONAL)


class FormDefinition(WireSchema):
    """A form."""

    is_sparse = True

    code = Pattern(
        TEMPLATE_CODE_PATTERN,
        "capital letters, digits, hyphens and underscores, a letter first, at most 40",
        about="its code in the company; the same in every version",
    )
    title = title("what the person reads")
    titles = titles()
    step = Choice(STEPS, presence=OPTIONAL, about="the step of the call at which it is offered")
    channels = ListOf(
        Text(1, 40),
        50,
        presence=OPTIONAL,
        about="channels of stores it is for; absent or empty: all",
    )
    classes = ListOf(
        Choice(("A", "B", "C")),
        3,
        presence=OPTIONAL,
        about="classes of stores; absent or empty: all",
    )
    divisions = ListOf(
        Text(1, 40),
        50,
        presence=OPTIONAL,
        about="codes of the divisions whose people get it; absent: everybody",
    )
    questions = ListOf(Part(FormQuestion), QUESTIONS_MAX, minimum=1, about="in order")
    scores = ListOf(Part(FormScore), SCORES_MAX, presence=OPTIONAL, about="absent: no score")
    measures = ListOf(
        Part(FormMeasure), len(MEASURES), presence=OPTIONAL, about="what of it is a measure"
    )


class FormTemplateDown(WireSchema):
    """A form in the version that is in force."""

    template_version = Int(1, JSON_INT_MAX, about="goes into every answer")
    definition = Part(FormDefinition, about="the form")


FORM_TEMPLATE: Final = RecordContract(kind="form_template", down={1: None, 2: FormTemplateDown})
