import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.commands import arguments, completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_and_every_option_is_in_a_shells_script(shell: str) -> None:
    script = completion.script(shell)
    for name, command in arguments.commands().items():
        assert re.search(rf"\b{name}\b", script)
        for action in command._actions:
            for option in action.option_strings[-1:]:
                written = f"-l {option[2:]}" if shell == "fish" and option != "--help" else option
                assert option == "--help" or written in script, (name, option)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["re"], "reproduce report"),
        (["export", "--runner", ""], "airflow kubeflow"),
        (["embed", "--pooling", "m"], "mean"),
        (["completion", ""], "bash zsh fish"),
        (["run", "--f"], "--force"),
        (["predict", "--model", ""], "tickets mails"),
        (["show", "t"], "tickets"),
        (["show", "--root", "other", "old"], "older"),
        # Bash itself completes files.
        (["run", "--config", ""], ""),
    ],
    ids=str,
)
def test_bash_completes_commands_options_values_and_pipelines(typed: list[str], expected: str, tmp_path: Path) -> None:
    for home in ("runs/tickets/runs", "runs/mails/serving", "runs/no-pipeline", "other/older/runs"):
        (tmp_path / home).mkdir(parents=True)
    ask = 'COMP_WORDS=(bert-pipeline "$@"); COMP_CWORD=$#; _bert_pipeline; printf "%s\\n" "${COMPREPLY[@]}"'
    command = ["bash", "-c", f"{completion.script('bash')}{ask}", "bash", *typed]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert set(done.stdout.split()) == set(expected.split())
    assert done.stderr == ""


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_runs_nothing_that_a_directory_is_called(tmp_path: Path) -> None:
    for home in ("runs/tickets/runs", "runs/$(touch made)/runs", "runs/`touch made`/runs", "runs/a b/runs"):
        (tmp_path / home).mkdir(parents=True)
    ask = 'COMP_WORDS=(bert-pipeline show ""); COMP_CWORD=2; _bert_pipeline; printf "%s\\n" "${COMPREPLY[@]}"'
    command = ["bash", "-c", f"{completion.script('bash')}{ask}"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("tickets\n", "")
    assert not (tmp_path / "made").exists()
