"""The tests' secrets as the app reads them where there is no vault."""

from pathlib import Path

from tests.support.runtime import MADE_SECRETS


def keep_secrets(folder: Path) -> Path:
    """A file for each version of each secret, for its owner only; the folder."""
    for name, versions in MADE_SECRETS.items():
        (folder / name).mkdir(parents=True)
        for number, value in enumerate(versions, 1):
            file = folder / name / f"v{number}"
            file.touch(0o600)
            file.write_text(value, "utf-8")
    return folder
