"""Clients of the emulated AWS, by service and region."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import boto3


class Clients:
    """Makes each client once.

    Args:
        endpoint: URL of the emulated AWS.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def of(self, region: str) -> Callable[[str], Any]:
        """Return a function that returns a region's client by service."""
        return lambda service: self._client(service, region)

    def _client(self, service: str, region: str) -> Any:
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = boto3.client(
                    service,
                    region_name=region,
                    endpoint_url=self._endpoint,
                    aws_access_key_id="sandbox",
                    aws_secret_access_key="sandbox",
                )
            return self._clients[service, region]
