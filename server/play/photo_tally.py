"""What became of the photos of a play: where each stands, and whether who cheated was found out."""

from collections import Counter
from dataclasses import dataclass, field

from mobile_contract.phone.photos import PictureState
from server.play.camera import Cheat
from server.play.rep import Rep

_UNSTORED = frozenset({"EXPECTED", "UPLOADING"})


@dataclass(slots=True)
class PhotoTally:
    """The figures of a play's photos."""

    taken: int = 0
    bytes: int = 0
    # Files that were sent to their end; the same bytes of two photos are one.
    uploaded: int = 0
    at_once: int = 0
    resumed: int = 0
    states: Counter[str] = field(default_factory=Counter)
    # Stored, and nobody has looked at them.
    waiting: int = 0
    cheats: Counter[Cheat] = field(default_factory=Counter)
    found_out: Counter[Cheat] = field(default_factory=Counter)
    # The flags of photos with which nobody cheated.
    honest_flags: Counter[str] = field(default_factory=Counter)
    # In the database; None where nobody could ask it.
    files: int | None = None
    readings: int | None = None

    def count(self, rep: Rep) -> list[str]:
        """Add the photos of a rep; those whose bytes the server does not have, a line each."""
        if rep.camera is None:
            return []
        self.uploaded += rep.uploads.uploaded
        self.at_once += rep.uploads.at_once
        self.resumed += rep.uploads.resumed
        lost = [
            f"phone {rep.number}: a file was set aside with {picture.code}: {picture.sha256}"
            for picture in rep.phone.pictures.all(PictureState.SET_ASIDE)
        ]
        for shot in rep.camera.shots:
            held = rep.phone.scope.get("photo", shot.photo_id)
            state = "EXPECTED" if held is None else str(held.fields["state"])
            flags = set() if held is None else {str(flag["flag"]) for flag in held.fields["flags"]}
            self.taken += 1
            self.bytes += shot.size
            self.states[state] += 1
            self.waiting += state == "STORED"
            if state in _UNSTORED:
                lost.append(f"phone {rep.number}: photo {shot.photo_id} is {state} at the end")
            if shot.cheat is None:
                self.honest_flags.update(flags)
            else:
                self.cheats[shot.cheat] += 1
                self.found_out[shot.cheat] += shot.cheat.value in flags
        return lost

    def lines(self) -> list[tuple[str, str]]:
        """The names and words of its lines in the report."""
        if not self.taken:
            return [("photos", "none")]
        states = ", ".join(f"{number} {state}" for state, number in sorted(self.states.items()))
        stored = self.taken - sum(self.states[state] for state in _UNSTORED)
        cheats = ", ".join(
            f"{self.found_out[cheat]} of {number} {cheat.value}"
            for cheat, number in sorted(self.cheats.items())
        )
        honest = ", ".join(f"{number} {flag}" for flag, number in sorted(self.honest_flags.items()))
        sent = (
            f"{self.uploaded:,}, {self.resumed:,} times gone on with after a break,"
            f" {self.at_once:,} there already"
        )
        files = "the database did not say"
        if self.files is not None:
            files = f"{self.files:,} in the database, {self.readings:,} of them read"
        return [
            ("photos taken", f"{self.taken:,}, {self.bytes:,} bytes"),
            ("  files sent", sent),
            ("  files", files),
            ("  stored", f"{stored:,}; looked at {stored - self.waiting:,}: {states}"),
            ("  cheats found out", cheats or "nobody cheated"),
            ("  flags of honest ones", honest or "none"),
        ]
