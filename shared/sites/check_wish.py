"""What can be wrong with a site as it is wished, told field by field."""

from sqlalchemy import Connection

from shared.errors.request import FieldProblem, RequestInvalid
from shared.sites.model import Wish, wrong_in
from shared.sites.store import is_time_zone


def check_wish(connection: Connection, wish: Wish) -> None:
    """Raises RequestInvalid."""
    wrong = wrong_in(wish)
    if not is_time_zone(connection, wish.time_zone):
        wrong["time_zone"] = "must be the name of a time zone, such as Asia/Seoul"
    if wrong:
        raise RequestInvalid(*(FieldProblem(name, message) for name, message in wrong.items()))
