"""A client of an exported model: a script, started by its path, that imports TensorFlow and nothing of this project.

    python -I client.py REQUEST ANSWER

REQUEST is a JSON file, read once something has come from standard input; until then the process imports TensorFlow.
It has `model`, a directory; `calls`, each `[signature, {input: values}, [output, ...]]`, which are answered; `timed`,
calls that are timed one by one, behind one that is not; `first`, the call that ends the loading.

ANSWER is a directory for `outputs.npz`, with the arrays `NUMBER/OUTPUT` of the calls, and `measured.json`: either
`error`, what did not work, or `load_seconds`, `latencies` (seconds of each timed call) and `peak_bytes`.

The process ends when its standard input does: whoever started it has gone.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

_ENDED = 70

REQUESTED = b"\n"
"""What standard input has once REQUEST is there."""

_REQUESTED = threading.Event()

Call = tuple[str, dict[str, Any], list[str]]
"""A signature, what it is given by name, the outputs that are wanted."""


def main(path: Path, answer: Path) -> None:
    """Loads, asks and measures."""
    import numpy as np
    import tensorflow as tf

    request = _awaited(path)

    def called(signature: str, given: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
        if signature not in model.signatures:
            there = ", ".join(sorted(model.signatures)) or "none"
            raise LookupError(f"there is no signature {signature!r}; those that there are: {there}")
        outputs = model.signatures[signature](**{name: tf.constant(values) for name, values in given.items()})
        if missing := sorted(set(wanted) - set(outputs)):
            raise LookupError(f"the signature {signature!r} has no output {missing[0]!r}, it has {', '.join(outputs)}")
        return {name: outputs[name].numpy() for name in wanted}

    started = time.perf_counter()
    model = tf.saved_model.load(request["model"])
    called(*request["first"])
    measured: dict[str, Any] = {"load_seconds": time.perf_counter() - started}
    outputs = {}
    for number, call in enumerate(request["calls"]):
        for name, value in called(*call).items():
            # Arrays of objects would be pickled.
            outputs[f"{number}/{name}"] = value.astype("S") if value.dtype == object else value
    np.savez(answer / "outputs.npz", **outputs)
    latencies = []
    for call in [request["timed"][0], *request["timed"]]:
        started = time.perf_counter()
        called(*call)
        latencies.append(time.perf_counter() - started)
    measured |= {"latencies": latencies[1:], "peak_bytes": _peak_bytes()}
    (answer / "measured.json").write_text(json.dumps(measured), encoding="utf-8")


def _peak_bytes() -> int:
    """The most memory that this process has had; `getrusage` would count what it was forked from."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return 1024 * int(line.split()[1])


def _awaited(path: Path) -> dict[str, Any]:
    _REQUESTED.wait()
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _listen() -> None:
    while os.read(0, len(REQUESTED)):
        _REQUESTED.set()
    os._exit(_ENDED)


if __name__ == "__main__":
    threading.Thread(target=_listen, daemon=True).start()
    place = Path(sys.argv[2])
    try:
        main(Path(sys.argv[1]), place)
    except Exception as error:  # whatever it is, a client would have it
        said = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
        (place / "measured.json").write_text(json.dumps(said), encoding="utf-8")
