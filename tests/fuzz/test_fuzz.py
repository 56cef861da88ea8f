"""Every reader of strangers' bytes, fed with bytes: by hypothesis every day, by atheris at length."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, Target

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 30
each_target = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


@st.composite
def near(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A seed with a few of its bytes taken out, put in or changed."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 3))] = draw(st.binary(max_size=3))
    return bytes(data)


@each_target
def test_a_seed_is_taken(target: Target) -> None:
    for each in target.seeds:
        target.read(each)


@each_target
def test_no_bytes_bring_a_reader_down(target: Target) -> None:
    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(near(target.seeds), st.binary(max_size=300), st.text(max_size=100).map(str.encode)))
    def read(data: bytes) -> None:
        target.read(data)

    read()


def atheris_run(name: str, seconds: int, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.fuzz", name, str(seconds), str(folder)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=seconds + 200, check=False
    )


# There is no atheris for every interpreter.
if find_spec("atheris"):

    @pytest.mark.long
    @each_target
    def test_atheris_finds_nothing(target: Target, tmp_path: Path) -> None:
        done = atheris_run(target.name, SECONDS, tmp_path)
        assert done.returncode == 0, done.stderr[-4000:]
        assert not [
            file for file in tmp_path.iterdir() if file.name.startswith(("crash-", "timeout-", "oom-"))
        ]
