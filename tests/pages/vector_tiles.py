"""A provider of vector tiles: one blue square as each tile, and the style that paints it. On loopback only."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

BLUE = (48, 80, 192)


def _field(number: int, value: bytes | int) -> bytes:
    """A field of a protocol buffer: bytes with their length, or a small whole number."""
    if isinstance(value, int):
        return bytes([number << 3]) + _varint(value)
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _square() -> bytes:
    """A tile with one square from edge to edge. Mapbox Vector Tile Specification 2.1, section 4.3."""
    side = 4096 * 2
    moves = (9, 0, 0, 26, side, 0, 0, side, side - 1, 0, 15)
    geometry = b"".join(_varint(each) for each in moves)
    feature = _field(3, 3) + _field(4, geometry)
    layer = _field(15, 2) + _field(1, b"land") + _field(2, feature) + _field(5, 4096)
    return _field(3, layer)


class _Provider(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        is_style = self.path == "/style.json"
        body = json.dumps(self._style()).encode() if is_style else _square()
        self.send_response(200)
        self.send_header(
            "Content-Type", "application/json" if is_style else "application/x-protobuf"
        )
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _style(self) -> dict[str, object]:
        tiles = f"http://{self.headers['Host']}/{{z}}/{{x}}/{{y}}.pbf"
        return {
            "version": 8,
            "sources": {"ground": {"type": "vector", "tiles": [tiles], "maxzoom": 14}},
            "layers": [
                {
                    "id": "land",
                    "type": "fill",
                    "source": "ground",
                    "source-layer": "land",
                    "paint": {"fill-color": f"rgb{BLUE}", "fill-antialias": False},
                }
            ],
        }

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def provided() -> Iterator[tuple[str, list[str]]]:
    """The address of its style, and what is asked of it."""
    asked: list[str] = []
    handler = type("Provider", (_Provider,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/style.json", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
