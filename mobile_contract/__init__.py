"""What phones may rely on: the schemas, codes and examples of the wire, with no I/O.

PROTOCOL.md says it in words. The marshmallow schemas in ``records/`` and ``envelope.py`` are the
one source of truth; ``compiled.py`` derives the fast check from them.
"""
