"""`python -m tests.fuzz TARGET SECONDS FOLDER`: atheris on one target, guided by the branches it takes.

It runs in a process of its own, because libFuzzer ends the process it runs in; findings are left in the folder.
"""

import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["shared", "functions"]):
    from tests.fuzz.targets import TARGETS


def main(name: str, seconds: str, folder: str) -> None:
    """Never returns: libFuzzer exits with 0 when the time is over without a finding."""
    (target,) = (each for each in TARGETS if each.name == name)
    corpus = Path(folder) / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(each)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=4096",
        "-seed=1",
        f"-artifact_prefix={folder}/",
        str(corpus),
    ]
    atheris.Setup([sys.argv[0], *options], target.read)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
