"""The best of several versions, by what their cards say."""

import json
from pathlib import Path

from components.export.card import identity, read_card
from components.verdict.anchor import best


def test_the_best_version_is_by_what_cards_say_of_dev(tmp_path: Path) -> None:
    for number, measured in ((1, {"accuracy": 0.9, "loss": 0.3}), (2, {"accuracy": 0.8, "loss": 0.2}), (3, None)):
        path = tmp_path / str(number) / "assets.extra" / "model.json"
        path.parent.mkdir(parents=True)
        (tmp_path / str(number) / "saved_model.pb").touch()
        about = {"weights_sha256": str(number), **({"measured": measured} if measured else {})}
        path.write_text(json.dumps(about))
    own = identity(read_card(tmp_path / "1"))
    assert best(tmp_path, "accuracy", higher=True, but="") == 1
    assert best(tmp_path, "loss", higher=False, but="") == 2
    assert best(tmp_path, "accuracy", higher=True, but=own) == 2
    assert best(tmp_path, "mcc", higher=True, but="") is None
