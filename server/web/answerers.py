"""The questions of pages that a worker may have to answer, by name."""

from collections.abc import Mapping
from typing import Any

from server.answers.asked import Answerer
from server.web.facts import FACTS_PAGE
from server.web.overview_answers import GROUPS, SERIES, STANDINGS

ANSWERERS: Mapping[str, Answerer[Any]] = {
    answerer.name: answerer for answerer in (STANDINGS, GROUPS, SERIES, FACTS_PAGE)
}
