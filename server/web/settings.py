"""What a company decides: its settings in groups, changed with what differs shown before, and every version that there was."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from mobile_contract.records.store import CLASSES
from mobile_contract.records.visit import STEPS
from server.identity.errors import PolicyChanged, SettingInvalid
from server.identity.policy import (
    AUDIT_TASKS,
    FLAGS_TO_ACCEPT,
    RANGES,
    change_policy,
    changed_policy,
    stores_that_follow,
)
from server.identity.policy_list import (
    PolicyVersion,
    differing_settings,
    find_version,
    list_versions,
)
from server.identity.sessions import Visitor
from server.identity.setting_words import (
    GROUPS,
    SETTINGS,
    STEP_NAMES,
    TASK_NAMES,
    Group,
    Setting,
    told_setting,
)
from server.language import sentence, tell, told_list, told_moment, told_number, told_weekday_names
from server.planning.store_list import list_channels
from server.vocabulary import flag_name
from server.web.desk import FORM_BODY, Desk, draw
from server.web.listing import Column, Link, Listing, answer_listing, pages_of
from server.web.menu import ADMIN
from server.web.setting_form import Control, control_of, read_group
from sync.kinds.policy.publish import policy_fields
from sync.policy import ANY, Policy, current_policy
from sync.unit_of_work import UnitOfWork

DEFAULTS = Policy()
_VERSION_DIGITS = 9
_FENCES = {"fence_radius_m", "fence_by_class"}


def setting_routes(desk: Desk) -> Blueprint:
    """/settings and what is below it."""
    routes = Blueprint("settings", __name__, url_prefix="/settings")

    @routes.get("/")
    @desk.page(*ADMIN)
    def all_settings(visitor: Visitor) -> ResponseReturnValue:
        """Every setting as it is."""
        with desk.database.reading(visitor.company_id) as uow:
            version, policy = current_policy(uow)
        return draw("settings/all.html", version=version, groups=_told_groups(policy))

    @routes.get("/<name>")
    @desk.page(*ADMIN)
    def group_page(visitor: Visitor, name: str) -> ResponseReturnValue:
        """The settings of a group, to be changed."""
        group = _group(name)
        with desk.database.reading(visitor.company_id) as uow:
            version, policy = current_policy(uow)
            channels = _channels(uow, group)
        controls = {
            one.name: control_of(one, getattr(policy, one.name), policy.currency)
            for one in group.settings
        }
        return _draw_form(group, version, policy, controls, channels)

    @routes.post("/<name>")
    @desk.page(*ADMIN, body=FORM_BODY)
    def change(visitor: Visitor, name: str) -> ResponseReturnValue:
        """What a form would change; with `save`, the new version."""
        group, form = _group(name), request.form
        with desk.database.reading(visitor.company_id) as uow:
            version, held = current_policy(uow)
            channels = _channels(uow, group)
            stores = stores_that_follow(uow) if _FENCES & {s.name for s in group.settings} else 0
        changes, unread, controls = read_group(group, form, held)
        faults = unread | _faults(held, changes)
        seen = _version_number(form.get("version", ""))
        if faults:
            return _draw_form(group, seen, held, controls, channels, faults)
        if seen != version:
            told = tell(
                "Somebody else changed the settings meanwhile. Look at what would differ anew."
            )
            return _draw_form(group, version, held, controls, channels, told=told)
        if not changes:
            flash(tell("Nothing differs from what is."), "notice")
            return redirect(url_for("settings.group_page", name=name), code=303)
        if form.get("act") != "save":
            return draw(
                "settings/compare.html",
                group=group,
                version=version,
                differs=_differences(held, changed_policy(held, changes)),
                does=_what_it_does(held, changed_policy(held, changes), stores),
                sent=[
                    (key, value)
                    for key, value in form.items(multi=True)
                    if key not in ("_token", "act", "version")
                ],
            )
        try:
            with desk.database.company(visitor.company_id) as uow:
                made = change_policy(uow, visitor.actor, changes, seen_version=seen)
        except PolicyChanged as refused:
            return _draw_form(group, seen, held, controls, channels, told=str(refused))
        flash(
            tell("Saved as version {number}. Phones hear of it at their next sync.", number=made),
            "notice",
        )
        return redirect(url_for("settings.all_settings"), code=303)

    _version_routes(desk, routes)
    return routes


def _version_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/versions/")
    @desk.page(*ADMIN)
    def version_list(visitor: Visitor) -> ResponseReturnValue:
        """Every version: who made it and when, and what it changed."""
        with desk.database.reading(visitor.company_id) as uow:
            latest, _ = current_policy(uow)
        return answer_listing(
            desk, visitor, version_listing(visitor), "settings/versions.html", latest=latest
        )

    @routes.get("/versions/<int:version>")
    @desk.page(*ADMIN)
    def version_page(visitor: Visitor, version: int) -> ResponseReturnValue:
        """One version beside another: the one before, where none is named."""
        typed = request.args.get("against", "")
        against = _version_number(typed) if typed else max(version - 1, 1)
        with desk.database.reading(visitor.company_id) as uow:
            latest, _ = current_policy(uow)
            one, other = find_version(uow, version), find_version(uow, against)
        if one is None or other is None:
            raise NotFound
        return draw(
            "settings/version.html",
            one=one,
            other=other,
            latest=latest,
            differs=_differences(other.policy, one.policy),
            groups=_told_groups(one.policy),
            made=told_moment(round(one.since.timestamp() * 1000), visitor.policy.time_zone),
            maker=_maker(one),
        )


def version_listing(visitor: Visitor) -> Listing[PolicyVersion]:
    """The list of versions."""
    zone = visitor.policy.time_zone

    def differs(one: PolicyVersion) -> str:
        return told_list([tell(SETTINGS[name].title) for name in one.differing])

    return Listing(
        name="settings-versions",
        columns=(
            Column(
                sentence("Version"),
                lambda one: Link(
                    str(one.version), url_for("settings.version_page", version=one.version)
                ),
                lambda one: one.version,
            ),
            Column(
                sentence("In force since"),
                lambda one: told_moment(round(one.since.timestamp() * 1000), zone),
                lambda one: one.since,
            ),
            Column(sentence("Who"), _maker, _maker),
            Column(sentence("What it changed"), lambda one: differs(one) or None, differs),
        ),
        read=pages_of(list_versions, lambda one: str(one.version), _mark),
    )


def _maker(one: PolicyVersion) -> str:
    return one.actor or tell("came with the company")


def _group(name: str) -> Group:
    for group in GROUPS:
        if group.name == name:
            return group
    raise NotFound


def _version_number(typed: str) -> int:
    if not typed.isdecimal() or len(typed) > _VERSION_DIGITS:
        raise NotFound
    return int(typed)


def _mark(typed: str) -> int:
    if not typed.isdecimal() or len(typed) > _VERSION_DIGITS:
        raise ValueError(typed)
    return int(typed)


def _channels(uow: UnitOfWork, group: Group) -> list[str]:
    """The channels to choose from, where the group has settings by channel."""
    wants = any(one.kind in ("by_channel", "money_by_channel", "steps") for one in group.settings)
    return list_channels(uow) if wants else []


def _faults(held: Policy, changes: dict[str, Any]) -> dict[str, str]:
    try:
        changed_policy(held, changes)
    except SettingInvalid as refused:
        return {name: _capital(str(meaning)) for name, meaning in refused.faults.items()}
    return {}


def _capital(told: str) -> str:
    return told[:1].upper() + told[1:] + ("" if told.endswith((".", "。")) else tell("."))


def _differences(before: Policy, after: Policy) -> list[tuple[str, str, str]]:
    return [
        (
            tell(SETTINGS[name].title),
            told_setting(name, getattr(before, name), before.currency),
            told_setting(name, getattr(after, name), after.currency),
        )
        for name in differing_settings(before, after)
    ]


def _what_it_does(before: Policy, after: Policy, stores: int) -> list[str]:
    differing = set(differing_settings(before, after))
    said = [
        tell(
            "From then on work is judged by the new version; what was judged keeps the version that it was judged by."
        )
    ]
    if policy_fields(0, before) != policy_fields(0, after):
        said.append(tell("Every phone of the company gets the new settings at its next sync."))
    if _FENCES & differing:
        said.append(
            tell(
                "Stores without a fence of their own are sent anew to the phones that have them: {number}.",
                number=told_number(stores),
            )
        )
    if "time_zone" in differing:
        said.append(
            tell(
                "The company's day begins and ends at another moment. What is past keeps its days."
            )
        )
    if {"currency", "min_order_minor", "min_order_by_channel"} & differing:
        said.append(tell("The terms of all stores are worked out anew."))
    return said


def _told_groups(policy: Policy) -> list[dict[str, Any]]:
    return [
        {
            "name": group.name,
            "title": tell(group.title),
            "settings": [
                {
                    "title": tell(one.title),
                    "told": told_setting(one.name, getattr(policy, one.name), policy.currency),
                    "is_other": getattr(policy, one.name) != getattr(DEFAULTS, one.name),
                }
                for one in group.settings
            ],
        }
        for group in GROUPS
    ]


def _range_of(setting: Setting) -> str:
    """What a number may be, and what it is where nobody says, in words."""
    default = told_setting(setting.name, getattr(DEFAULTS, setting.name), DEFAULTS.currency)
    if setting.kind == "whole":
        least, most = RANGES[setting.name]
        return tell(
            "From {least} to {most}. Default: {default}.",
            least=told_number(least),
            most=told_number(most),
            default=default,
        )
    if setting.kind in ("minute", "weekdays", "flags", "choice"):
        return tell("Default: {default}.", default=default)
    return ""


def _draw_form(
    group: Group,
    version: int,
    policy: Policy,
    controls: dict[str, Control],
    channels: list[str],
    faults: dict[str, str] | None = None,
    *,
    told: str | None = None,
) -> Response:
    return draw(
        "settings/group.html",
        422 if faults or told else 200,
        group=group,
        version=version,
        currency=policy.currency,
        controls=controls,
        faults=faults or {},
        told=told,
        ranges={one.name: _range_of(one) for one in group.settings},
        bounds=RANGES,
        channels=channels,
        weekdays=list(enumerate(told_weekday_names(), 1)),
        flags=[(flag, flag_name(flag)) for flag in FLAGS_TO_ACCEPT],
        steps=[(step, tell(STEP_NAMES[step])) for step in STEPS],
        classes=[(ANY, tell("any class")), *((name, name) for name in CLASSES)],
        tasks=[(task, tell(TASK_NAMES[task])) for task in AUDIT_TASKS],
    )
