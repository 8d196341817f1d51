from __future__ import annotations

import json
import os
import subprocess
import sys
import types

import pytest

from pipeline.local.patching import Patch, PatchError, check, replace, require_source

# every patch of the edge, in a process of its own: with one parameter more upstream the edge must refuse to start
CONTRACTS = """
import json, random, sys, types
from pathlib import Path
from pipeline.local import server
server.settle_environment(Path(sys.argv[1]), 1)
from pipeline.local.edge import patches
from pipeline.local.patching import PatchError
found = {}
for patch in patches.apply(random.Random()):
    original = getattr(patch.owner, patch.name)
    setattr(patch.owner, patch.name, lambda one_more_parameter: None)
    try:
        patches.apply(random.Random())
        found[patch.where] = "applied"
    except PatchError as refused:
        found[patch.where] = refused.what
    setattr(patch.owner, patch.name, original)
print(json.dumps(found))
"""


def owner() -> types.SimpleNamespace:
    return types.SimpleNamespace(__name__="upstream", private=lambda func, config: (func, config))


def test_a_known_signature_is_replaced():
    upstream = owner()
    replace(upstream, "private", "func config", "why", lambda original: lambda func, config: [*original(func, config)])
    assert upstream.private(1, 2) == [1, 2]


def test_a_changed_signature_stops_the_server_with_a_sentence():
    with pytest.raises(PatchError, match=r"upstream.private takes \(func, config\), not \(func\)") as fault:
        replace(owner(), "private", "func", "why", lambda original: original)
    assert fault.value.hint == "pip install ministack==1.5.33"


def test_a_vanished_function_stops_the_server():
    with pytest.raises(PatchError, match=r"upstream\.gone is gone"):
        check(Patch(owner(), "gone", (), "why"))


def test_a_changed_body_stops_the_server():
    module = types.SimpleNamespace(__name__="upstream", private=test_a_known_signature_is_replaced)
    require_source(module, "private", "upstream = owner()")
    with pytest.raises(PatchError, match="no longer says"):
        require_source(module, "private", "never " + "written")


def test_every_patch_refuses_another_ministack(tmp_path):
    answer = subprocess.run(
        [sys.executable, "-c", CONTRACTS, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.defpath},
    )
    found = json.loads(answer.stdout)
    assert len(found) >= 25
    silent = {where: said for where, said in found.items() if where.split(".")[-1] not in said}
    assert silent == {}
