"""Which number format the matrix products of a training have."""

from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")
_INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16"})
"""Of x86-64, as Linux names them: with one of these oneDNN multiplies bfloat16 faster than float32."""


def chosen(setting: str) -> str:
    """`float32` or `bfloat16`: the setting, or, if it is `auto`, what this CPU is faster with."""
    if setting != "auto":
        return setting
    return "bfloat16" if _INSTRUCTIONS & _flags() else "float32"


def _flags() -> set[str]:
    """The CPU's features; none where the system does not tell."""
    if not _CPU_INFO.is_file():
        return set()
    lines = (line for line in _CPU_INFO.read_text().splitlines() if line.startswith("flags"))
    return set(next(lines, "").partition(":")[2].split())
