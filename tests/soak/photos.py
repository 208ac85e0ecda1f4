"""Whether every photo that was taken is there: one file of the right bytes, read, and looked at."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from server.media.keys import original_key
from tests.soak.checks import Verdict

_UNSTORED = ("EXPECTED", "UPLOADING")

Rows = Callable[..., list[Any]]


def check_photos(rows: Rows, folder: Path, phones: Sequence[Mapping[str, Any]]) -> Verdict:
    """Every photo that a phone took and the server applied is stored, whole, as one file, and was looked at."""
    taken = {id_: digest for phone in phones for id_, digest in phone["photos"].items()}
    photos = {
        str(row.id): row
        for row in rows("select id, sha256, state, company_id from photo where company_id = :c")
    }
    files = {row.sha256: row for row in rows("select * from file where company_id = :c")}
    read = {
        row.sha256 for row in rows("select distinct sha256 from file_reading where company_id = :c")
    }
    ours = [id_ for id_ in taken if id_ in photos]
    found = Verdict(
        "photos are stored once, whole, and looked at",
        f"{len(taken)} taken, {len(ours)} records, {len(files)} files, {len(read)} of them read",
    )
    for id_ in ours:
        photo = photos[id_]
        if photo.sha256 != taken[id_]:
            found.faults.append(f"photo {id_} names another file than the one that was taken")
        if photo.state in (*_UNSTORED, "STORED"):
            found.faults.append(f"photo {id_} is {photo.state} when all is quiet")
    for digest in set(taken.values()):
        if digest not in files:
            found.faults.append(f"no file has the digest {digest}")
        elif digest not in read and files[digest].state != "SET_ASIDE":
            found.faults.append(f"file {digest} was not read")
    if (folder / "files").is_dir():
        for digest, row in files.items():
            path = folder / "files" / original_key(row.company_id, digest)
            if not path.is_file() or sha256(path.read_bytes()).hexdigest() != digest:
                found.faults.append(f"the bytes of {digest} are not there whole")
    found.faults += [
        f"phone {phone['device_id']}: {number} files {state}"
        for phone in phones
        for state, number in phone["pictures"].items()
        if state != "uploaded"
    ]
    return found
