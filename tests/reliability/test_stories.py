"""The stories of disasters, told on the product itself: every one holds."""

from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.reliability_stories import RELIABILITY_STORIES
from tests.support.stories import Story

Owner = psycopg.Connection[Any]


@pytest.mark.parametrize("story", RELIABILITY_STORIES, ids=lambda story: story.__name__)
def test_story(runtime: Runtime, owner: Owner, story: Story) -> None:
    story(runtime, owner)
