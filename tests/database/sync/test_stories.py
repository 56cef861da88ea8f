"""The stories the canaries are told too: here, on the product itself, every one holds."""

from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.stories import STORIES, Story

Owner = psycopg.Connection[Any]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_story(runtime: Runtime, owner: Owner, story: Story) -> None:
    story(runtime, owner)
