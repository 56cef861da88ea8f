"""Which tests one process of a parallel run takes together: those that share a server they would each have to start.

pytest-xdist's own way, a group by mark, needs node ids that the installed pytest no longer lets it change.
"""

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

BY_FILE = ""
# A path's beginning and the name of its scope; the first that fits counts. A test that fits none goes by itself.
SCOPES: tuple[tuple[str, str], ...] = (
    # These start stacks, or parts of one, of their own.
    ("tests/acceptance/stack/test_lifecycle.py", BY_FILE),
    ("tests/acceptance/stack/test_loss.py", BY_FILE),
    # One stack.
    ("tests/acceptance/", "acceptance"),
    # These need no installation, or another one.
    ("tests/functions/test_contract.py", BY_FILE),
    ("tests/functions/test_indexing.py", BY_FILE),
    ("tests/functions/test_lookup_routes.py", BY_FILE),
    # One app with its broker and issuer.
    ("tests/functions/", "functions"),
    # What a file's tests share is started once per process that runs any of them.
    ("tests/local/", BY_FILE),
    ("tests/unit/adapters/test_event_hubs.py", BY_FILE),
    ("tests/unit/adapters/test_rate_limits.py", BY_FILE),
    ("tests/unit/docs/test_script.py", BY_FILE),
    ("tests/unit/errors/test_catalog.py", BY_FILE),
    ("tests/database/lookup/test_plans.py", BY_FILE),
)


def scope_of(nodeid: str) -> str:
    """The scope of a test; its own id when nothing is gained by company."""
    path = nodeid.partition("::")[0]
    for beginning, scope in SCOPES:
        if path.startswith(beginning):
            return path if scope == BY_FILE else scope
    return nodeid


class ScopedScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out whole scopes, in the order of collection: the acceptance stories, which take longest, come first."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)

    def schedule(self) -> None:
        self.config.option.loadscopereorder = False
        super().schedule()
