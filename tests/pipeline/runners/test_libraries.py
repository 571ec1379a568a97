"""In a process of its own: here all is imported already."""

import json
import os
import subprocess
import sys

from components.common.checkout import ROOT
from pipeline.runners import libraries

_FRESH = """
import json, sys
from pipeline.runners import libraries
import pymongo
libraries.load()
import pipeline.runners.launch
found = {"there": [name for name in (*libraries.LEFT_OUT, "sklearn") if name in sys.modules]}
import scipy
found["attribute"] = "stats" in vars(scipy)
from scipy import stats
import sklearn, kubernetes, IPython
found["real"] = [bool(module.__file__) for module in (stats, sklearn, kubernetes, IPython)]
found["finders"] = [type(finder).__module__ for finder in sys.meta_path]
print(json.dumps(found))
"""


def test_what_no_run_needs_is_left_out_and_can_be_imported_afterwards() -> None:
    # TFX sets this once it is imported, and TensorFlow would then bring another Keras.
    environment = {name: value for name, value in os.environ.items() if name != "TF_USE_LEGACY_KERAS"}
    command = [sys.executable, "-c", _FRESH]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    # What was there before stays.
    assert found["there"] == ["pymongo"]
    assert not found["attribute"]
    assert found["real"] == [True] * 4
    assert libraries.__name__ not in found["finders"]
