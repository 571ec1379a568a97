"""Which number format the matrix products of a training have."""

from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")

_INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16"})
"""Of x86-64, as Linux names them: with one of these oneDNN multiplies bfloat16 faster than float32."""


def resolved_precision(setting: str) -> str:
    """`float32` or `bfloat16`: the setting, or, if it is `auto`, what this CPU is faster with."""
    if setting != "auto":
        return setting
    return "bfloat16" if _INSTRUCTIONS & cpu_features() else "float32"


def cpu_features() -> set[str]:
    """Of the CPU, as Linux names them; none where the system does not tell."""
    return set(_cpu_info("flags").split())


def cpu_name() -> str:
    """The CPU's model; empty where the system does not tell."""
    return _cpu_info("model name").strip()


def _cpu_info(key: str) -> str:
    if not _CPU_INFO.is_file():
        return ""
    lines = (line for line in _CPU_INFO.read_text().splitlines() if line.startswith(key))
    return next(lines, "").partition(":")[2]
