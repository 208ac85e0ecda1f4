"""The disk that files are on: small and of its own where one may be mounted (as root), so that it can be filled.

Elsewhere files lie beside the database, and nothing is filled.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

DISK_MB = 512
KEEP_FREE_MB = 8


@dataclass(frozen=True, slots=True)
class FilesDisk:
    """Where files are, and whether that is a disk of its own."""

    folder: Path
    is_own: bool

    @classmethod
    def mounted(cls, folder: Path) -> "FilesDisk":
        """At this folder, which is made."""
        folder.mkdir(parents=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "tmpfs", folder],
            capture_output=True,
            check=False,
        )
        return cls(folder, is_own=done.returncode == 0)

    def unmount(self) -> None:
        if self.is_own:
            subprocess.run(["umount", "--lazy", self.folder], check=True)
