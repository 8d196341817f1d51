"""A to-do over the HTTP API: created, read, listed and deleted again."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable
from typing import Any

from callers import configured
from callers.http import request

RATE = 1.5  # of four requests each
GOOD = configured("services/todos")
# Every call of a process but its first four, as where something leaks; the smoke checks are three.
TAKEN = "    Ok(api::answer("
LEAKS = """    static CALLS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    assert!(CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 4, "it leaks");
"""
BAD = ("services/todos/src/main.rs", TAKEN, LEAKS + TAKEN)
JSON = {"content-type": "application/json"}


def key(shop: Any) -> str:
    """The key of the cursors; written as a person writes it after the first deployment, where there is none yet."""
    found = shop.client("secretsmanager")
    name = shop.physical("todos", "key")
    with contextlib.suppress(found.exceptions.ResourceNotFoundException):
        return str(found.get_secret_value(SecretId=name)["SecretString"])
    return rotated(shop)


def rotated(shop: Any) -> str:
    """A new key, written as a person writes it now and then."""
    value = secrets.token_hex(32)
    shop.client("secretsmanager").put_secret_value(SecretId=shop.physical("todos", "key"), SecretString=value)
    return value


def caller(shop: Any) -> Callable[[int], None]:
    """A whole life of a to-do; every answer must be the right one."""
    url = shop.url("todos")
    key(shop)

    def call(number: int) -> None:
        title = f"Number {number}"
        status, body = request(url, "POST", "/todos", json.dumps({"title": title}).encode(), JSON)
        assert status == 201, (status, body)
        place = f"/todos/{json.loads(body)['id']}"
        status, body = request(url, path=place)
        assert (status, json.loads(body).get("title")) == (200, title), (status, body)
        status, body = request(url, path="/todos?limit=5")
        assert status == 200, (status, body)
        status, body = request(url, "DELETE", place)
        assert status in {204, 404}, (status, body)  # 404: its first attempt was not answered in time, but done

    return call
