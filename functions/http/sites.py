"""Sites over HTTP: list, create, change."""

from typing import Annotated

import azure.functions as func
import msgspec

from functions.edge.endpoint import Answer, Endpoint, Request, answer_of
from functions.edge.fields import Fields
from functions.edge.http import build_blueprint
from functions.edge.paging import PAGE_PARAMETERS, page_of
from functions.edge.why import Reason
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.model import Permission
from shared.sites.change_site import change_site
from shared.sites.create_site import create_site
from shared.sites.list_sites import list_sites
from shared.sites.model import CHANGEABLE, NAME_CHARACTERS_MAX, WINDOW_SECONDS_MAX, Site, SitePage, Wish

SiteId = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
TimeZone = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Window = Annotated[int, msgspec.Meta(ge=1, le=WINDOW_SECONDS_MAX)]


class NewSite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site to be made; without a silence window nobody waits for its events."""

    site_id: SiteId
    name: Name
    time_zone: TimeZone
    pair_window_seconds: Window = 900
    silence_window_seconds: Window | None = 3600
    reason: Reason


class SiteChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall be otherwise; what is left out stays."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    time_zone: TimeZone | msgspec.UnsetType = msgspec.UNSET
    is_active: bool | msgspec.UnsetType = msgspec.UNSET
    pair_window_seconds: Window | msgspec.UnsetType = msgspec.UNSET
    silence_window_seconds: Window | msgspec.UnsetType | None = msgspec.UNSET
    reason: Reason


def _list(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    limit, cursor = page_of(fields)
    fields.close()
    return Answer(list_sites(runtime, request.context, limit=limit, cursor=cursor))


def _create(runtime: Runtime, request: Request) -> Answer:
    new = request.read(NewSite)
    wish = Wish(
        new.name,
        new.time_zone,
        pair_window_seconds=new.pair_window_seconds,
        silence_window_seconds=new.silence_window_seconds,
    )
    return answer_of(create_site(runtime, request.context, new.site_id, wish, new.reason))


def _change(runtime: Runtime, request: Request) -> Answer:
    wanted = request.read(SiteChange)
    found = {name: getattr(wanted, name) for name in CHANGEABLE}
    changes = {name: value for name, value in found.items() if value is not msgspec.UNSET}
    site_id, version = request.path["site_id"], request.if_match
    return answer_of(change_site(runtime, request.context, site_id, changes, wanted.reason, version))


ENDPOINTS = (
    Endpoint(
        name="http_sites",
        summary="The sites in which you hold something.",
        route="sites",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=PAGE_PARAMETERS,
        response=SitePage,
        answers=frozenset({200}),
        handle=_list,
    ),
    Endpoint(
        name="http_site_create",
        summary="Create a site; it takes who holds all sites.",
        route="sites",
        methods=("POST",),
        permission=Permission.SITE_MANAGE,
        rate_class="admin",
        query=(),
        request=NewSite,
        response=Site,
        answers=frozenset({201}),
        errors=("SITE_NOT_FOUND", "SITE_EXISTS"),
        audit=Action.SITE_CREATE,
        target="site",
        idempotency="optional",
        handle=_create,
    ),
    Endpoint(
        name="http_site_change",
        summary="Change a site's name, time zone or windows, or switch it off and on.",
        route="sites/{site_id}",
        methods=("PATCH",),
        permission=Permission.SITE_MANAGE,
        rate_class="admin",
        query=(),
        request=SiteChange,
        response=Site,
        answers=frozenset({200}),
        errors=("SITE_NOT_FOUND",),
        audit=Action.SITE_CHANGE,
        target="site",
        idempotency="optional",
        if_match="required",
        handle=_change,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the sites."""
    return build_blueprint(runtime, ENDPOINTS)
