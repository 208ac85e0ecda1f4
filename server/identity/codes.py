"""Enrolment codes as people read and type them: COMPANY-XXXX-YYYYYY.

XXXX, the handle, finds the code; YYYYYY is its secret. Both are Crockford base32
(https://www.crockford.com/base32.html): no I, L, O or U, either case, I and L read as 1 and O
as 0. Hyphens and spaces are for the eye and may be typed anywhere or left out.
"""

import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from argon2.low_level import Type, hash_secret_raw

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
HANDLE_LENGTH = 4
SECRET_LENGTH = 6
MAX_CODE_LENGTH = 100

_MISREAD = str.maketrans("ILO", "110")
_SEPARATORS = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d_. \u00a0\t\r\n")


@dataclass(frozen=True, slots=True)
class EnrolmentCode:
    """A code in its parts; the company's code in capitals."""

    company_code: str
    handle: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        return f"{self.company_code}-{self.handle}-{self.secret}"


def make_code(company_code: str) -> EnrolmentCode:
    """A code that nobody can foresee: 20 random bits to find it by, 30 to prove it with."""
    return EnrolmentCode(
        company_code=company_code, handle=_drawn(HANDLE_LENGTH), secret=_drawn(SECRET_LENGTH)
    )


def read_code(typed: str) -> EnrolmentCode | None:
    """The code that a person meant, or None where no code can be meant."""
    if len(typed) > MAX_CODE_LENGTH:
        return None
    tail: list[str] = []
    place = len(typed)
    while place > 0 and len(tail) < HANDLE_LENGTH + SECRET_LENGTH:
        place -= 1
        if typed[place] not in _SEPARATORS:
            tail.append(typed[place])
    proof = "".join(reversed(tail)).upper().translate(_MISREAD)
    # upper() may lengthen a letter ("ß"): such a text is no code either.
    if len(proof) != HANDLE_LENGTH + SECRET_LENGTH or not set(proof) <= set(ALPHABET):
        return None
    company_code = typed[:place].strip("".join(_SEPARATORS)).upper()
    if not company_code or not company_code.isascii() or "\0" in company_code:
        return None
    return EnrolmentCode(
        company_code=company_code, handle=proof[:HANDLE_LENGTH], secret=proof[HANDLE_LENGTH:]
    )


def hash_secret(code: EnrolmentCode) -> bytes:
    """32 bytes that prove the secret without telling it, at the cost of some 25 ms.

    Slow on purpose: 30 bits under a fast hash are found within seconds by whoever reads the
    table, and a code lives for minutes. The salt comes from what finds the code, so that the
    hash is made before any row is looked for and an unknown code takes as long as a known one.
    """
    salt = sha256(f"roadbook enrolment {code.company_code}-{code.handle}".encode()).digest()
    return hash_secret_raw(
        code.secret.encode(),
        salt[:16],
        time_cost=2,
        memory_cost=19_456,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )


def _drawn(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
