"""The reference phone: an offline outbox, a scope store and a sync loop over one SQLite file.

App developers read it beside PROTOCOL.md. Start with phone.py (what an app calls), then
outbox.py, scope_store.py and sync_loop.py; photos.py and uploads.py for files. It imports nothing of the server.
"""
