"""A phone is let in by a one-time code, once, and known by its token from then on.

The token exists in the clear only in the answer that carries it; the database has its SHA-256.
How a phone is shown out stands in `device_states`.
"""

import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from server.identity.change_log import Actor, log_change, log_changes
from server.identity.codes import EnrolmentCode, hash_secret, make_code, read_code
from server.identity.errors import (
    HandlesExhausted,
    NoSuchPerson,
    PersonHasLeft,
)
from server.language import Said
from sync.epoch import current_epoch
from sync.errors import Refused
from sync.organisation import company, device, enrolment_code, person
from sync.policy import current_policy
from sync.senders import Claim, authenticate
from sync.unit_of_work import Database, UnitOfWork

CODE_VALID_FOR = timedelta(minutes=30)
CODE_TRIES = 5
# A used or expired code stays this long, so that who issued it to whom can be looked up.
CODE_KEPT_FOR = timedelta(days=30)

CODE_INVALID_DETAIL = "the code is wrong, used or expired: ask for a new one"


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What a phone says of itself when it enrols."""

    model: str
    os: str
    app_version: str


@dataclass(frozen=True, slots=True)
class EnrolAnswer:
    """What a phone gets for its code; the only place where its token is in the clear."""

    device_id: UUID
    token: str
    company_code: str
    company_name: str
    time_zone: str
    person_id: UUID
    person_name: str
    epoch: str


def issue_enrolment_code(
    uow: UnitOfWork,
    person_id: UUID,
    issued_by: Actor,
    *,
    valid_for: timedelta = CODE_VALID_FOR,
    tries: int = CODE_TRIES,
    now: datetime | None = None,
) -> str:
    """A code with which one phone becomes this person's; it is not stored and not told again.

    Raises NoSuchPerson, and PersonHasLeft where they are gone on `now` in the company's time zone.
    """
    moment = now or datetime.now(UTC)
    who = uow.connection.execute(
        select(person.c.name, person.c.left_on, company.c.code)
        .join(company, company.c.id == person.c.company_id)
        .where(person.c.company_id == uow.company_id, person.c.id == person_id)
    ).one_or_none()
    if who is None:
        raise NoSuchPerson(Said("there is no such person in this company"))
    if _has_left(uow, who.left_on, moment):
        raise PersonHasLeft(
            Said("{who_name} has left: no phone can be given to them", who_name=who.name)
        )
    uow.connection.execute(
        delete(enrolment_code).where(
            enrolment_code.c.company_id == uow.company_id,
            enrolment_code.c.expires_at < moment - CODE_KEPT_FOR,
        )
    )
    expires_at = moment + valid_for
    for _ in range(16):
        code = make_code(who.code)
        taken = uow.connection.execute(
            upsert(enrolment_code)
            .values(
                company_id=uow.company_id,
                handle=code.handle,
                secret_hash=hash_secret(code),
                person_id=person_id,
                expires_at=expires_at,
                tries_left=tries,
                issued_by=issued_by.name,
            )
            .on_conflict_do_nothing(index_elements=["company_id", "handle"])
            .returning(enrolment_code.c.handle)
        ).one_or_none()
        if taken is not None:
            break
    else:
        raise HandlesExhausted(Said("too many codes are kept: try again"))
    log_change(
        uow,
        issued_by,
        "device.issue_code",
        "enrolment_code",
        code.handle,
        after={"person_id": person_id, "expires_at": expires_at, "tries": tries},
    )
    return code.text


def enrol(
    database: Database,
    code: str,
    info: DeviceInfo,
    contract: int,
    *,
    now: datetime | None = None,
) -> EnrolAnswer:
    """The phone that shows the code becomes a device of the person it was issued to, once.

    Every failure is the same Refused("code_invalid"): no such company, no such code, a wrong
    secret, a used or expired one, no tries left, a person who has left. A wrong secret takes a
    try, and tries at the same moment are counted one after the other: the code's row is locked.
    """
    meant = read_code(code)
    if meant is None:
        raise _code_invalid()
    moment = now or datetime.now(UTC)
    proof = hash_secret(meant)
    with database.installation() as uow:
        company_id = uow.connection.execute(
            select(func.company_id_of(meant.company_code))
        ).scalar_one()
    # An unknown company takes the same way: in company 0 there is nothing to find.
    with database.company(company_id or 0) as uow:
        answer = _redeem(uow, meant, proof, info, contract, moment)
    # Only now: the try that was taken is committed above, and an exception would have undone it.
    if answer is None:
        raise _code_invalid()
    return answer


def rotate(uow: UnitOfWork, claim: Claim) -> str:
    """A new token for the device of this claim; the old one works until the new one is used.

    The first use of the new one ends the old one (`sync.senders.authenticate`), so an answer
    that is lost on its way costs nothing. Raises Refused: token_invalid, device_draining.
    """
    this = (device.c.company_id == uow.company_id) & (device.c.id == UUID(claim.device_id))
    # One rotation of a device after another; whoever holds the newest token can end the others.
    uow.connection.execute(select(device.c.id).where(this).with_for_update(key_share=True))
    # As for a push: the token shown, if it is a new one, takes the old one's place before the next
    # is made. Otherwise the next would take the place of the very token that asks for it.
    sender = authenticate(uow, claim, "push")
    if sender.is_draining:
        raise Refused("device_draining", "This device may only send what it holds.")
    token = new_token(uow.company_id, UUID(claim.device_id))
    uow.connection.execute(update(device).where(this).values(next_token_hash=hash_token(token)))
    log_change(
        uow,
        Actor(name=sender.person_name, person_id=UUID(sender.person_id)),
        "device.rotate",
        "device",
        claim.device_id,
    )
    return token


def end_codes_of(uow: UnitOfWork, actor: Actor, person_ids: Iterable[UUID]) -> None:
    """End the codes of these people that could still be used.

    Call it before locking the people: enrolment locks the code first, then the person.
    """
    ended = uow.connection.execute(
        update(enrolment_code)
        .where(
            enrolment_code.c.company_id == uow.company_id,
            enrolment_code.c.person_id.in_(sorted(person_ids)),
            enrolment_code.c.used_at.is_(None),
            enrolment_code.c.tries_left > 0,
            enrolment_code.c.expires_at > func.now(),
        )
        .values(tries_left=0)
        .returning(enrolment_code.c.handle, enrolment_code.c.person_id)
    ).all()
    log_changes(
        uow,
        actor,
        "device.end_code",
        "enrolment_code",
        [(code.handle, {"person_id": code.person_id}, None) for code in ended],
    )


def new_token(company_id: int, device_id: UUID) -> str:
    """A token that nobody can foresee: 256 random bits, and where to look for them."""
    return f"rbd_{company_id}_{device_id.hex}_{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> bytes:
    """What the database keeps of a token. It has 256 random bits: nothing slower is needed."""
    return sha256(token.encode()).digest()


def _code_invalid() -> Refused:
    return Refused("code_invalid", CODE_INVALID_DETAIL)


def _redeem(
    uow: UnitOfWork,
    meant: EnrolmentCode,
    proof: bytes,
    info: DeviceInfo,
    contract: int,
    moment: datetime,
) -> EnrolAnswer | None:
    """The answer to a right code, or None, with the try taken."""
    code = enrolment_code
    held = uow.connection.execute(
        select(code.c.secret_hash, code.c.person_id, code.c.issued_by)
        .where(
            code.c.company_id == uow.company_id,
            code.c.handle == meant.handle,
            code.c.used_at.is_(None),
            code.c.tries_left > 0,
            code.c.expires_at > moment,
        )
        .with_for_update()
    ).one_or_none()
    if held is None:
        return None
    this_code = (code.c.company_id == uow.company_id) & (code.c.handle == meant.handle)
    if not hmac.compare_digest(held.secret_hash, proof):
        uow.connection.execute(
            update(code).where(this_code).values(tries_left=code.c.tries_left - 1)
        )
        return None
    # The person's row is locked with it: somebody who leaves at this moment leaves with this phone.
    who = uow.connection.execute(
        select(person.c.name, person.c.left_on)
        .where(person.c.company_id == uow.company_id, person.c.id == held.person_id)
        .with_for_update(key_share=True)
    ).one()
    if _has_left(uow, who.left_on, moment):
        return None
    device_id = uuid4()
    token = new_token(uow.company_id, device_id)
    uow.connection.execute(
        insert(device).values(
            company_id=uow.company_id,
            id=device_id,
            person_id=held.person_id,
            state="ACTIVE",
            token_hash=hash_token(token),
            model=info.model,
            os=info.os,
            app_version=info.app_version,
            contract=contract,
        )
    )
    uow.connection.execute(
        update(code).where(this_code).values(used_at=moment, device_id=device_id)
    )
    log_change(
        uow,
        Actor(name=who.name, person_id=held.person_id),
        "device.enrol",
        "device",
        device_id,
        after={
            "person_id": held.person_id,
            "state": "ACTIVE",
            "model": info.model,
            "os": info.os,
            "app_version": info.app_version,
            "contract": contract,
            "code": meant.handle,
            "code_issued_by": held.issued_by,
        },
    )
    its = uow.connection.execute(
        select(company.c.code, company.c.name).where(company.c.id == uow.company_id)
    ).one()
    _, policy = current_policy(uow)
    return EnrolAnswer(
        device_id=device_id,
        token=token,
        company_code=its.code,
        company_name=its.name,
        time_zone=policy.time_zone,
        person_id=held.person_id,
        person_name=who.name,
        epoch=current_epoch(uow.driver).name,
    )


def _has_left(uow: UnitOfWork, left_on: object, moment: datetime) -> bool:
    if left_on is None:
        return False
    _, policy = current_policy(uow)
    return bool(left_on <= moment.astimezone(policy.zone).date())  # type: ignore[operator]
