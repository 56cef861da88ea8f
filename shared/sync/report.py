"""What the log and the metrics are told of a batch: one line, bounded labels, no ids."""

from shared.adapters.telemetry import Telemetry
from shared.sync.model import BatchResult
from shared.sync.read_batch import ReadBatch


def report(telemetry: Telemetry, read: ReadBatch, result: BatchResult, profile: str) -> None:
    """One log line and the counters of one batch; what says how well the profile fits is counted under its name."""
    stream = result.stream
    telemetry.event(
        "batch",
        stream=stream,
        partition=result.partition_id,
        received=result.received,
        **{str(outcome): count for outcome, count in result.events.items()},
        redelivered=result.redelivered,
        pairs=result.pairs_touched,
    )
    for outcome, count in (*result.events.items(), ("redelivered", result.redelivered)):
        if count:
            telemetry.metric("events", count, stream=stream, outcome=str(outcome))
    for outcome, count in result.records.items():
        telemetry.metric("records", count, stream=stream, outcome=str(outcome))
    for code, count in result.dead_letters.items():
        telemetry.metric("dead_letters", count, stream=stream, code=code)
    for name, count in read.alias_hits.items():
        telemetry.metric("alias_hits", count, field=name, profile=profile)
    if result.conflicts:
        telemetry.metric("revision_conflicts", result.conflicts, stream=stream)
    if read.versions_missing:
        telemetry.metric("versions_missing", read.versions_missing, stream=stream)
    if read.unknown_fields:
        telemetry.metric("unknown_fields", read.unknown_fields, stream=stream, profile=profile)
    if result.completed_after_seconds:
        telemetry.observations("pair_time_to_complete_seconds", result.completed_after_seconds)
