"""`roadbook`: the one command line. Each command lives in its own area and is loaded when it is asked for."""

import errno
import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from server.processes import CannotStart
from server.settings import Settings, SettingsRefused, load_settings

COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("serve", "server.commands:serve", "Run everything: servers, web, worker. Stops with Ctrl-C."),
    ("web", "server.commands:web", "Run the web server alone."),
    ("worker", "server.commands:worker", "Run a worker alone."),
    ("migrate", "server.commands:migrate", "Bring the database to this version's tables."),
    ("demo", "server.demo.command:demo", "The made-up company, with two weeks of work in it."),
    ("play", "server.play.command:play", "Drive phones through working days over real HTTP."),
    (
        "company",
        "server.identity.company_commands:company",
        "Companies: found one, see and change what one has decided.",
    ),
    (
        "region",
        "server.planning.organisation_commands:region",
        "Regions: see them, add them, change them.",
    ),
    (
        "position",
        "server.planning.organisation_commands:position",
        "Positions: see them, add them, change them.",
    ),
    ("person", "server.identity.commands:person", "People: add them, place them, let them go."),
    (
        "holiday",
        "server.planning.holiday_commands:holiday",
        "Days on which the company does not work, and weekends that it does.",
    ),
    ("store", "server.planning.store_commands:store", "Stores: see, add, change, close them."),
    ("division", "server.catalogue.account_commands:division", "Divisions: see them, add them."),
    (
        "product",
        "server.catalogue.product_commands:product",
        "Products: see, add, change them.",
    ),
    (
        "price",
        "server.catalogue.price_commands:price",
        "Price lists: whom each is for, its prices by version.",
    ),
    (
        "promotion",
        "server.catalogue.promotion_commands:promotion",
        "Promotions: draft, publish, end them.",
    ),
    (
        "account",
        "server.catalogue.account_commands:account",
        "Accounts: the customers that pay, and their credit.",
    ),
    ("route", "server.planning.route_commands:route", "Routes: see, add, change, end them."),
    ("plan", "server.planning.plan_commands:plan", "Day plans, with every version of each."),
    ("form", "server.forms.commands:form", "Forms: publish them to phones, read the answers."),
    (
        "activity",
        "server.activities.commands:activity",
        "Promotions: their standards, the stores in them, what was brought.",
    ),
    (
        "audit",
        "server.audits.commands:audit",
        "What auditors look at: drawn, claimed, judged, appealed against.",
    ),
    (
        "photo",
        "server.photos.commands:photo",
        "Photos, what is in their files, and files that could not be read.",
    ),
    ("task", "server.tasks.task_commands:task", "What is asked of positions and people."),
    ("notice", "server.tasks.notice_commands:notice", "What people are told, and who read it."),
    ("locate", "server.tasks.locate_commands:locate", "Ask where somebody is now."),
    (
        "import",
        "server.exchange.commands:import_group",
        "Bring masters in from CSV and XLSX: a dry run, then whole.",
    ),
    ("export", "server.exchange.commands:export_group", "Write masters as CSV and XLSX."),
    ("device", "server.identity.commands:device", "Phones: see them, let them in, show them out."),
    ("day", "server.days.commands:day", "What people did on a day, and what is odd about it."),
    (
        "measures",
        "server.measures.commands:measures",
        "What facts add up to, and what is behind each figure.",
    ),
    (
        "target",
        "server.targets.commands:target",
        "Numbers to reach: set, split, explain them, and how far they are.",
    ),
    (
        "flag",
        "server.measures.commands:flag",
        "What is odd about visits: accept it or reject it.",
    ),
    ("order", "server.orders.commands:order", "Orders: see, decide, print, send out, close them."),
    ("proposal", "server.planning.commands:proposal", "What phones propose: decide it."),
    ("conflict", "server.planning.commands:conflict", "Where two edits met: see both and choose."),
    ("quarantine", "server.quarantine.commands:quarantine", "Items kept aside: mend and release."),
    ("media", "server.media.commands:media", "Files: whether their bytes are there, what is sent."),
    ("work", "server.jobs.commands:work", "Work that was given up: see it, try it again."),
    ("epoch", "server.restore.commands:epoch", "Show it; turn it after a backup was restored."),
    ("watermark", "server.restore.commands:watermark", "Up to when phones may forget."),
    (
        "doctor",
        "server.commands:doctor",
        "Say what is wrong with this installation and what to do.",
    ),
)
"""Name, where it is, and what it does. A test loads every one of them."""

EXIT_CANNOT_START = 1
EXIT_SETTINGS = 2


class _Areas(click.Group):
    """The commands of COMMANDS, each imported only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for name, _, _ in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        for name, place, _ in COMMANDS:
            if name == cmd_name:
                return load_command(place)
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, _, says in COMMANDS])


def load_command(place: str) -> click.Command:
    """The command at "module:name"."""
    module, _, name = place.partition(":")
    command = getattr(import_module(module), name)
    assert isinstance(command, click.Command), place
    return command


@click.group(cls=_Areas, context_settings={"help_option_names": ["-h", "--help"]})
def roadbook() -> None:
    """Roadbook: field work that goes up from phones, routes that come down."""


def main() -> NoReturn:
    """Run the command line; a foreseen trouble is one line and an exit code, never a traceback."""
    try:
        roadbook.main(prog_name="roadbook", standalone_mode=True)
    except SettingsRefused as refused:
        say_error("These settings are wrong:")
        for fault in refused.faults:
            say_error(f"  {fault}")
        code = EXIT_SETTINGS
    except CannotStart as error:
        say_error(str(error))
        code = EXIT_CANNOT_START
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT, errno.EPIPE}:
            raise
        where = f"{error.filename}: " if error.filename else ""
        say_error(f"{where}{os.strerror(error.errno)}")
        code = EXIT_CANNOT_START
    sys.exit(code)


def say(line: str) -> None:
    """A line for the person who started this."""
    print(line, flush=True)


def say_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def settings() -> Settings:
    """The settings of this process' environment."""
    return load_settings(os.environ)
