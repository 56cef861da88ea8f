"""The one way a scope enters a WHERE clause: rows of other sites are not there for who may not see them."""

from typing import Protocol


class Sites(Protocol):
    """A scope as it is written into a statement."""

    @property
    def everything(self) -> bool: ...

    @property
    def sites(self) -> frozenset[str]: ...


def site_condition(column: str, name: str = "scope") -> str:
    """The condition that a row's site lies in the scope of that name; what belongs to no site lies in all only."""
    return f"(%({name}_all)s::boolean OR {column} = ANY (%({name}_sites)s::text[]))"


def scope_values(scope: Sites, name: str = "scope") -> dict[str, object]:
    """The values of the condition's parameters."""
    return {f"{name}_all": scope.everything, f"{name}_sites": sorted(scope.sites)}
