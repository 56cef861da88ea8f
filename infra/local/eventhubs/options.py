"""The command line of the local Event Hubs."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local.eventhubs.hubs import HubSpec, StorageOptions
from infra.local.eventhubs.log import MS_PER_HOUR, Retention

DEFAULT_PORT = 5672
DEFAULT_DATA = Path(".local/eventhubs")
DEFAULT_RETENTION_HOURS = 168.0
DEFAULT_RETENTION_MB = 1024.0
_BYTES_PER_MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for at start."""

    port: int
    control_port: int | None
    data: Path
    hubs: list[HubSpec]
    groups: list[str]
    keys: dict[str, str] | None
    retention_hours: float
    retention_mb: float
    fsync: bool
    watch_parent: bool

    @property
    def storage(self) -> StorageOptions:
        age_ms = int(self.retention_hours * MS_PER_HOUR)
        return StorageOptions(Retention(age_ms, int(self.retention_mb * _BYTES_PER_MB)), self.fsync)

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> "Options":
        """Exits with status 2 and one sentence if an argument is wrong."""
        found = _parser().parse_args(arguments)
        names = [hub.name.lower() for hub in found.hub]
        if len(set(names)) < len(names):
            _parser().error("argument --hub: every hub needs a name of its own")
        return cls(
            port=found.port,
            control_port=found.control_port,
            data=found.data,
            hubs=found.hub,
            groups=found.group,
            keys=dict(found.sas) or None,
            retention_hours=found.retention_hours,
            retention_mb=found.retention_mb,
            fsync=found.fsync,
            watch_parent=found.watch_parent,
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.eventhubs",
        description="A local Event Hubs for the azure-eventhub SDK, on 127.0.0.1 only.",
    )
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="AMQP port; 0 takes a free one")
    parser.add_argument("--control-port", type=_port, help="HTTP port of the fault switches; off by default")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the events")
    parser.add_argument(
        "--hub", type=_hub, action="append", required=True, metavar="NAME:PARTITIONS", help="may be repeated"
    )
    parser.add_argument(
        "--group", action="append", default=[], help="consumer group of every hub; repeatable"
    )
    parser.add_argument(
        "--sas",
        type=_key,
        action="append",
        default=[],
        metavar="NAME=KEY",
        help="check tokens against this key",
    )
    parser.add_argument(
        "--retention-hours", type=_positive, default=DEFAULT_RETENTION_HOURS, help="age at which events go"
    )
    parser.add_argument(
        "--retention-mb", type=_positive, default=DEFAULT_RETENTION_MB, help="size limit of one partition"
    )
    parser.add_argument("--fsync", action="store_true", help="flush every publish to the disk (slower)")
    parser.add_argument("--watch-parent", action="store_true", help="stop when standard input ends")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port from 0 to 65535")
    return int(text)


def _hub(text: str) -> HubSpec:
    try:
        return HubSpec.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _key(text: str) -> tuple[str, str]:
    name, separator, key = text.partition("=")
    if not (name and separator and key):
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=KEY")
    return name, key


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"'{text}' is no positive number")
    return value
