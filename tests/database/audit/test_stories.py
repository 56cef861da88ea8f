"""Each story of the audit record holds on the product."""

from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.audit_stories import AUDIT_STORIES, Story


@pytest.mark.parametrize("story", AUDIT_STORIES, ids=lambda story: story.__name__)
def test_a_story_holds(story: Story, runtime: Runtime, owner: psycopg.Connection[Any]) -> None:
    story(runtime, owner)
