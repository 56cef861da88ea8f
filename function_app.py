"""The entry the Functions host loads: settings, runtime, functions. Anything wrong with a setting stops it here."""

import azure.functions as func

from functions import register_all
from shared.settings import load_settings
from shared.wiring import build_runtime

app = register_all(func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS), build_runtime(load_settings()))
