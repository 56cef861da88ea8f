"""Timer triggers: one function per duty of the schedule."""

import azure.functions as func

from functions.schedule import SCHEDULE, Duty
from shared.runtime import Runtime


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of every scheduled duty."""
    bp = func.Blueprint()
    for duty in SCHEDULE:
        _declare(bp, runtime, duty)
    return bp


def _declare(bp: func.Blueprint, runtime: Runtime, duty: Duty) -> None:
    @bp.function_name(duty.name)
    @bp.timer_trigger(arg_name="timer", schedule=f"%{duty.schedule}%", run_on_startup=False, use_monitor=True)
    def run(timer: func.TimerRequest) -> None:
        duty.use_case(runtime)
