"""The foreground process around a local server."""

import os
import signal
from pathlib import Path

import psycopg
import pytest

from infra.local.postgres.claims import is_postgres
from tests.support.processes import ModuleProcess

MODULE = "infra.local.postgres"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runner") / "postgres"


def test_it_announces_a_working_server_and_stops_on_sigterm(home: Path) -> None:
    with ModuleProcess(MODULE, ["--data", str(home), "--set", "work_mem=7MB"]) as runner:
        assert runner.ready["ready"] is True
        assert runner.ready["pid"] == runner.pid
        password = Path(runner.ready["password_file"]).read_text()
        dsn = f"host=127.0.0.1 port={runner.ready['port']} user=postgres dbname=postgres"
        with psycopg.connect(dsn, password=password) as connection:
            assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)
        runner.terminate()
        assert runner.wait() == (0, "")
    assert not is_postgres(runner.ready["server_pid"])


def test_it_stops_when_its_parent_is_gone(home: Path) -> None:
    with ModuleProcess(MODULE, ["--data", str(home), "--watch-parent"]) as runner:
        runner.end_standard_input()
        assert runner.wait()[0] == 0
    assert not is_postgres(runner.ready["server_pid"])


def test_it_stops_when_the_watched_process_is_gone_and_throws_its_data_away(tmp_path: Path) -> None:
    watched = os.posix_spawn("/bin/sleep", ["sleep", "60"], {})
    arguments = ["--data", str(tmp_path / "postgres"), "--throw-away", "--watch-pid", str(watched)]
    with ModuleProcess(MODULE, arguments) as runner:
        password_file = Path(runner.ready["password_file"])
        os.kill(watched, signal.SIGKILL)
        os.waitpid(watched, 0)
        assert runner.wait()[0] == 0
    assert not password_file.exists()


def test_it_says_so_when_the_server_ends_by_itself(home: Path) -> None:
    with ModuleProcess(MODULE, ["--data", str(home)]) as runner:
        os.kill(runner.ready["server_pid"], signal.SIGKILL)
        code, complaints = runner.wait()
    assert code == 1
    assert complaints.startswith("PostgreSQL ended by itself: look into ")


@pytest.mark.parametrize("flags", [[], ["--throw-away"]])
def test_a_second_one_is_refused_in_one_sentence_and_harms_nothing(home: Path, flags: list[str]) -> None:
    with ModuleProcess(MODULE, ["--data", str(home)]) as first:
        with ModuleProcess(MODULE, ["--data", str(home), *flags]) as second:
            code, complaints = second.wait()
        assert (code, second.ready) == (1, {})
        assert complaints.count("\n") == 1
        assert complaints.startswith("Another process already runs PostgreSQL on ")
        assert is_postgres(first.ready["server_pid"])
        first.terminate()
        assert first.wait() == (0, "")
