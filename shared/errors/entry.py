"""What the catalog knows about one error code."""

from dataclasses import dataclass
from typing import Literal

Category = Literal["INP", "EXT", "BAT", "DQ", "LOG", "SYS"]
Severity = Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
AlertLevel = Literal["NONE", "WARN", "ERROR", "CRITICAL"]


@dataclass(frozen=True, kw_only=True)
class CatalogEntry:
    """Everything known about one error code."""

    code: str
    category: Category
    severity: Severity
    http_status: int
    title: str
    user_text: str
    operator_text: str
    action_guide: str
    alert_level: AlertLevel = "NONE"
    auto_alert: bool = False
    retryable: bool = False
    runbook: str
