"""A real Airflow of one's own: scheduler and, of Airflow 3, its servers, as processes on this machine alone."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.checkout import ROOT

TaskState = tuple[str | None, int]
"""State and number of tries."""


def python_of(version: int) -> Path:
    """The environment that `make airflow` sets up."""
    return ROOT / f".venv-airflow-{version}" / "bin" / "python"


class Airflow:
    """Airflow of a major version, with a home, a database and a folder of DAGs of its own.

    Args:
        version: 2 or 3.
        home: an empty directory.
    """

    def __init__(self, version: int, home: Path) -> None:
        self.home, self.dags = home, home / "dags"
        self.dags.mkdir(parents=True)
        self.version, self._running = version, {}  # type: int, dict[str, subprocess.Popen[bytes]]
        self.port = _free_port()
        self._database = home / "airflow.db"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(home),
            # Who its pages say has triggered a run.
            "LOGNAME": "airflow",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.port}/execution/",
            "AIRFLOW__API_AUTH__JWT_SECRET": "of this test alone, and long enough for its algorithm " * 2,
            "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{self.port}",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self._database}",
            # A killed scheduler's tasks are taken up by the next one after so many seconds without a sign of life.
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
            "AIRFLOW__SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "60",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            # Airflow 2 would have a server database for more than one task at a time; for a test SQLite is enough.
            "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
        }
        self.command("db", "migrate")

    def command(self, *words: str) -> str:
        """What an `airflow` command prints."""
        done = subprocess.run([self.program, *words], env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    @property
    def program(self) -> Path:
        """The `airflow` command."""
        return python_of(self.version).with_name("airflow")

    def start(self) -> None:
        """The scheduler, and of Airflow 3 the server it runs tasks through and what reads the DAG files."""
        if self.version == 3:
            self._start("api-server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1")
            wait_until(lambda: _answers(self.port), 120, "the API server answers")
            self._start("dag-processor")
        self.start_scheduler()

    def start_scheduler(self) -> None:
        """The scheduler alone. Its server of logs would listen to everybody."""
        self._start("scheduler", "--skip-serve-logs")

    def kill_scheduler(self) -> None:
        """At once, and whatever it has started with it."""
        os.killpg(self._running["scheduler"].pid, signal.SIGKILL)
        self._running["scheduler"].wait()

    def stop(self) -> None:
        """Everything."""
        for process in self._running.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)

    def _start(self, *words: str) -> None:
        with (self.home / f"{words[0]}.log").open("ab") as log:
            self._running[words[0]] = subprocess.Popen(
                [self.program, *words],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def trigger(self, dag: str, run_id: str) -> None:
        """Starts a run by hand."""
        self.command("dags", "trigger", dag, "--run-id", run_id)

    def _rows(self, query: str, *values: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=30)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def knows(self, dag: str) -> bool:
        """Whether the DAG's file was read."""
        return bool(self._rows("SELECT 1 FROM dag WHERE dag_id = ?", dag))

    def run_state(self, dag: str, run_id: str) -> str | None:
        """Of a run."""
        rows = self._rows("SELECT state FROM dag_run WHERE dag_id = ? AND run_id = ?", dag, run_id)
        return str(rows[0][0]) if rows else None

    def run_times(self, dag: str) -> list[tuple[object, ...]]:
        """(id, start, end) of its runs, in the order in which they started."""
        return self._rows("SELECT run_id, start_date, end_date FROM dag_run WHERE dag_id = ? ORDER BY start_date", dag)

    def tasks(self, dag: str, run_id: str) -> dict[str, TaskState]:
        """Task -> its state and tries."""
        query = "SELECT task_id, state, try_number FROM task_instance WHERE dag_id = ? AND run_id = ?"
        return {str(task): (state, tries) for task, state, tries in self._rows(query, dag, run_id)}  # type: ignore[misc]

    def task_times(self, dag: str, run_id: str) -> dict[str, tuple[str, str]]:
        """Task -> when it started and ended."""
        query = "SELECT task_id, start_date, end_date FROM task_instance WHERE dag_id = ? AND run_id = ?"
        return {str(task): (str(start), str(end)) for task, start, end in self._rows(query, dag, run_id)}

    def logs(self, dag: str, run_id: str, task: str) -> str:
        """What Airflow shows of a task: its tries, one after the other."""
        files = sorted((self.home / "logs").glob(f"dag_id={dag}/run_id={run_id}/task_id={task}/**/*.log"))
        return "".join(path.read_text(encoding="utf-8", errors="replace") for path in files)


def page(url: str, folder: Path, *options: str) -> str:
    """What headless Chromium prints of a page of this machine once its scripts have settled.

    Args:
        url: of the page.
        folder: for the browser's profile.
        options: of Chromium, say `--dump-dom`.
    """
    quiet = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", *quiet]
    command += [f"--user-data-dir={folder}", "--window-size=1500,900", "--virtual-time-budget=60000", *options, url]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout


def wait_until(true: Callable[[], bool], seconds: float, what: str) -> None:
    """Looks twice a second.

    Raises:
        AssertionError: it is not so in time.
    """
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{seconds} s, and still not so: {what}"
        time.sleep(0.5)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
