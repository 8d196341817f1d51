"""`hello` of a project of its own, version 2 promoted over version 1, for tests of `crabwalk rollback`."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import verb_kit

from pipeline.release.ledger.head import Head

RELEASE = "20260102T030405-abc123"


@dataclass
class Service:
    """`hello` of a project of its own, version 2 promoted over version 1; the bucket is not made yet."""

    place: verb_kit.Place
    project: str
    functions: Any
    s3: Any
    home: Path

    @property
    def bucket(self) -> str:
        return f"crabwalk-{self.project}-local"

    def promoted(self, **more: Any) -> None:
        told = {"release": RELEASE, "primary": "2", "extra": None, "weight": 0.0, "previous": "1", **more}
        head = Head(state="live", commit="c0ffee12c0de", nonce=os.urandom(8).hex(), **told)
        self.move(head.primary, str(head))

    def move(self, version: str, description: str) -> None:
        self.functions.update_alias(
            FunctionName=self.place.function,
            Name="live",
            FunctionVersion=version,
            Description=description,
            RoutingConfig={"AdditionalVersionWeights": {}},
        )

    def alias(self) -> Any:
        found = self.functions.get_alias(FunctionName=self.place.function, Name="live")
        return {name: value for name, value in found.items() if name != "ResponseMetadata"}

    def history(self) -> list[Any]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="crabwalk/services/hello/history/")
        keys = [one["Key"] for one in found.get("Contents", ())]
        return [json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()) for key in keys]

    def record(self) -> Any:
        stored = self.s3.get_object(Bucket=self.bucket, Key="crabwalk/services/hello/state.json")
        return json.loads(stored["Body"].read())

    def queue(self) -> list[Path]:
        return sorted((self.home / "crabwalk" / "unrecorded").glob("*"))
