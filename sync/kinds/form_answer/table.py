"""The tables of form answers: how each stands, every version of what was answered, and its measures.

Hot tables: no foreign keys, the judge has seen what they name.
"""

from sqlalchemy import BigInteger, Column, Date, Index, Integer, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from sync.tables import Document, Moment, company_table, filled

form_answer = company_table(
    "form_answer",
    filled("id", Uuid),
    # The version of the answers that holds.
    filled("version", Integer),
    filled("template_id", Uuid),
    filled("template_version", Integer),
    filled("visit_id", Uuid),
    filled("store_id", Uuid),
    filled("person_id", Uuid),
    Column("position_id", Uuid),
    # The business day of the corrected time, in the company's time zone.
    filled("business_day", Date),
    filled("answered_at", Moment),
    # Σ(weight × points) and Σ(weight × full points); the score in hundredths, null where nothing applies.
    filled("score_over", BigInteger),
    filled("score_out_of", BigInteger),
    Column("score_e2", Integer),
    filled("flags", ARRAY(Text)),
    filled("received_at", Moment),
    key=("id",),
    is_hot=True,
)
Index("form_answer_visit_ix", form_answer.c.company_id, form_answer.c.visit_id)
Index(
    "form_answer_store_ix",
    form_answer.c.company_id,
    form_answer.c.store_id,
    form_answer.c.business_day,
)
Index(
    "form_answer_day_ix",
    form_answer.c.company_id,
    form_answer.c.business_day,
    form_answer.c.person_id,
)

# Append-only: what was answered, and what the server worked out of it by the template's version.
form_answer_version = company_table(
    "form_answer_version",
    filled("id", Uuid),
    filled("version", Integer),
    filled("device_id", Uuid),
    # Of a correction; null for what was first sent.
    Column("reason", Text),
    # The moment and place of filling in; null for a correction.
    Column("answered", Document),
    filled("trust", Text),
    filled("answers", Document),
    filled("computed", Document),
    # code → [weight, points, full] of each score that applies
    filled("points", Document),
    # {computed, score_e2} as the phone worked it out
    filled("sent", Document),
    filled("received_at", Moment),
    key=("id", "version"),
    is_hot=True,
)

# One row for each measure of an answer, as it holds: sums over rows are exact.
form_measure = company_table(
    "form_measure",
    filled("answer_id", Uuid),
    filled("measure", Text),
    filled("store_id", Uuid),
    filled("person_id", Uuid),
    Column("position_id", Uuid),
    filled("business_day", Date),
    # Null where the form did not say.
    Column("numerator", BigInteger),
    Column("denominator", BigInteger),
    # The same by product, where it was counted by rows: three lists of one length.
    filled("product_ids", ARRAY(Uuid)),
    filled("numerators", ARRAY(BigInteger)),
    filled("denominators", ARRAY(BigInteger)),
    key=("answer_id", "measure"),
    is_hot=True,
)
Index(
    "form_measure_day_ix",
    form_measure.c.company_id,
    form_measure.c.measure,
    form_measure.c.business_day,
)
