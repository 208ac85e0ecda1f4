"""Maps are drawn on vector tiles where a style of them is set, and pages fetch from nobody else."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.pages.conftest import Seat, served
from tests.pages.vector_tiles import BLUE, provided

pytestmark = pytest.mark.slow


def test_a_map_is_drawn_on_the_vector_tiles_of_the_style_that_is_set(
    sit_down: Callable[..., Seat], redis_url: str, tmp_path: Path
) -> None:
    seat = sit_down()
    with (
        provided() as (style, asked),
        served(
            seat.site.app_url, redis_url, tmp_path, MAP_STYLE_URL=style, MAP_ATTRIBUTION="The blue"
        ) as address,
    ):
        seat.address = address
        seat.sign_in("wen.gao@demo.example")
        seat.go("/routes/stores")
        seat.page.wait_for_selector("canvas.maplibregl-canvas")
        seat.page.wait_for_load_state("networkidle")
        picture = Image.open(BytesIO(seat.page.screenshot())).convert("RGB")
        colours = {colour: number for number, colour in picture.getcolors(2**24) or []}
        assert colours.get(BLUE, 0) > picture.width * picture.height / 4
        assert "The blue" in seat.page.inner_text(".leaflet-control-attribution")
        assert any(place.endswith(".pbf") for place in asked)
