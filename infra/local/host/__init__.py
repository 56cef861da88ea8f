"""A local Azure Functions host around the platform's real Python worker runtime.

The host does what the platform does around a function app: it indexes the app with the worker runtime,
answers HTTP, receives from Event Hubs with the platform's retry and checkpoint rules, fires timers and
resolves settings. `python -m infra.local.host --help` names its options.
"""
