"""The shop as this process opens it: with what `--payments` and `--channels` name, or as the host's own code has it."""

import importlib
import os
import sys
from argparse import Namespace
from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

from sagamore.actors.orders.payment_provider import PaymentProvider
from sagamore.actors.providers.simulated import SimulatedPayments
from sagamore.app import Sagamore
from sagamore.cli.channels import channels_named
from sagamore.cli.parser import UsageError
from sagamore.engine.errors import InvalidInput, SagamoreError


def open_shop(args: Namespace) -> AbstractAsyncContextManager[Sagamore]:
    """Not yet entered. Raises UsageError, InvalidInput."""
    for own in ("payments", "channels"):
        if args.app is not None and getattr(args, own) is not None:
            raise UsageError(f"give --{own} or --app, not both: an app brings its own {own}")
    if args.app is not None:
        return _host_composition(args)
    return Sagamore.open(args.dir, payments=provider_named(args.payments), channels=channels_named(args.channels))


def _host_composition(args: Namespace) -> AbstractAsyncContextManager[Sagamore]:
    module_name, _, factory_name = args.app.partition(":")
    if not module_name or not factory_name:
        raise InvalidInput("--app", args.app, "write module:factory")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # where the host's code is, as for `python -m`
    try:
        opened = getattr(importlib.import_module(module_name), factory_name)(args.dir)
    except SagamoreError:
        raise
    except Exception as error:  # it is the host's code: anything may come
        raise InvalidInput(
            "--app", args.app, f"name a module and a function in it that opens DIR: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(opened, AbstractAsyncContextManager):
        raise InvalidInput("--app", args.app, "the factory must return Sagamore.open(…), not entered")
    return opened


def provider_named(name: str | None) -> PaymentProvider | None:
    """The one that `--payments` names. Raises InvalidInput."""
    if name is None:
        return None
    if name == "simulated":
        return SimulatedPayments()
    if _is_url(name):
        from sagamore.actors.providers.http_payments import HttpPayments

        return HttpPayments(name)
    raise InvalidInput("--payments", name, "simulated, or a payment twin's http://127.0.0.1:PORT")


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:  # a port that is none, a bracket that does not close
        return False
