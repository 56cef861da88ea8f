"""A seeded sample: one day of payments as events, with the mistakes real producers make."""

from infra.local.sample.day import generate, generate_exactly
from infra.local.sample.model import SampleEvent, SampleReport
from infra.local.sample.sites import SITES, SampleSite

__all__ = ["SITES", "SampleEvent", "SampleReport", "SampleSite", "generate", "generate_exactly"]
