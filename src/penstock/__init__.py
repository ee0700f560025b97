"""Penstock: a self-hosted inference platform that speaks the OpenAI API."""

__version__ = "0.1.0"
