"""What this machine's CPU is, and which number format it multiplies matrices fastest in."""

from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
"""Where Linux describes the CPUs: `key<TAB>: value`, a paragraph a core."""

_INSTRUCTION = "amx_bf16"
"""Of x86-64, as Linux names it: with it oneDNN multiplies bfloat16 faster than float32. With `avx512_bf16` alone it
takes twice as long, on an Intel Xeon (family 6, model 207) whose virtual machine has no AMX."""


def resolved_precision(setting: str) -> str:
    """`float32` or `bfloat16`: the setting, or, if it is `auto`, what this CPU is faster with."""
    if setting != "auto":
        return setting
    return "bfloat16" if multiplies_bfloat16() else "float32"


def multiplies_bfloat16(cpu_info: Path = CPU_INFO) -> bool:
    """Whether products of bfloat16 are faster than those of float32."""
    return _INSTRUCTION in cpu_features(cpu_info)


def has_vnni(cpu_info: Path = CPU_INFO) -> bool:
    """Whether products of 8 bits are added up in 32 by one instruction: in two, they may not fit into 16 bits."""
    return any(name.endswith("_vnni") for name in cpu_features(cpu_info))


def cpu_features(cpu_info: Path = CPU_INFO) -> set[str]:
    """The CPU's instruction sets, as Linux names them (`avx2`, ...); none where there is no such file."""
    return set(_first_value(cpu_info, "flags").split())


def cpu_name() -> str:
    """The CPU's model; empty where there is no such file."""
    return _first_value(CPU_INFO, "model name").strip()


def _first_value(cpu_info: Path, key: str) -> str:
    if not cpu_info.is_file():
        return ""
    lines = (line for line in cpu_info.read_text().splitlines() if line.startswith(key))
    return next(lines, "").partition(":")[2]
