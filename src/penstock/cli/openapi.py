"""`penstock openapi`: print the document that describes the API, for tools that make clients and pages out of it."""

import click
import msgspec

from penstock.api.openapi import document
from penstock.app import operations


@click.command("openapi")
def command() -> None:
    """Print the API as an OpenAPI 3.1 document.

    A running server gives the same at /v1/openapi.json.
    """
    click.echo(msgspec.json.format(msgspec.json.encode(document(operations()))))
