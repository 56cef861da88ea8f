"""What can be wrong with a wish concerning a site."""

from shared.errors.base import InputError


class SiteNotFound(InputError):
    """No site of this code, or none where the caller holds something."""

    code = "SITE_NOT_FOUND"


class SiteExists(InputError):
    """A site has this code already."""

    code = "SITE_EXISTS"
