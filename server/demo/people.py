"""Who works for the demo company: names, positions and where they sit."""

from dataclasses import dataclass

REP_NAMES = (
    "Chen Mei", "Li Jun", "Wang Fang", "Zhao Lei", "Sun Yan", "Wu Bo",
    "Zhou Lan", "Xu Ming", "Ma Rui", "Hu Na", "Guo Tao", "He Jing",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seat:
    """A position to be: its code, role and region, its holder, and whether they stand in."""

    code: str
    title: str
    role: str
    region_code: str
    holder: str
    is_acting: bool = False


OVERSEERS = (
    Seat("ADM-1", "Sales office", "admin", "CN", "Lin Yue"),
    Seat("RM-1", "Regional manager Yunhe", "regional_manager", "YUNHE", "Gao Wen"),
    # An auditor never gets their own region: each looks at the other three districts. There are two, as an appeal is decided by
    # another one.
    Seat("AUD-1", "Auditor", "auditor", "HILLGATE", "Deng Hao"),
    Seat("AUD-2", "Second auditor", "auditor", "OLDTOWN", "Shen Ning"),
    Seat("SUP-1", "Supervisor Lakeside", "supervisor", "LAKESIDE", "Tang Xin"),
    Seat("SUP-2", "Supervisor Old Town", "supervisor", "OLDTOWN", "Qian Yi"),
    Seat("SUP-3", "Supervisor Mills", "supervisor", "MILLS", "Luo Min"),
    # Vacant: the supervisor next door stands in.
    Seat("SUP-4", "Supervisor Hillgate", "supervisor", "HILLGATE", "Luo Min", is_acting=True),
)


def rep_seats(township_codes: list[str]) -> list[Seat]:
    """A rep for every township, in its order."""
    return [
        Seat(f"REP-{number:02}", f"Rep {code}", "rep", code, name)
        for number, (code, name) in enumerate(zip(township_codes, REP_NAMES, strict=True), start=1)
    ]


def email_of(name: str) -> str:
    """The address of somebody of the demo."""
    family, given = name.lower().split()
    return f"{given}.{family}@demo.example"
