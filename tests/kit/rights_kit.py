"""What a role may do, asked of IAM's rules as MiniStack reads them, with the policies as they were made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from calls_kit import ACCOUNT, REGION, Asked
from ministack.core import iam_evaluator


def _each(said: str | list[str]) -> list[str]:
    """What a policy says of one or several."""
    return [said] if isinstance(said, str) else said


@dataclass(frozen=True)
class Rights:
    """What a role may do: its policies, and the boundary that limits them."""

    policies: Sequence[Mapping[str, Any]]
    boundary: Mapping[str, Any]

    @classmethod
    def inline(cls, iam: Any, role: str) -> Rights:
        """As IAM has them, of a role that has its policies in itself and no boundary."""
        assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        policies = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        return cls(policies, {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})

    @classmethod
    def of(cls, iam: Any, role: str) -> Rights:
        """As IAM has them."""

        def document(arn: str) -> Any:
            version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]

        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        boundary = iam.get_role(RoleName=role)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"]
        return cls([document(one["PolicyArn"]) for one in attached], document(boundary))

    def anywhere(self, prefix: str) -> Rights:
        """The same rights, at whatever name."""
        text = json.dumps([*self.policies, self.boundary]).replace(f"{prefix}*", "*")
        *policies, boundary = json.loads(text)
        return Rights(policies, boundary)

    @property
    def actions(self) -> set[str]:
        """Every action that is granted, as it is written."""
        return {action for policy in self.policies for one in policy["Statement"] for action in _each(one["Action"])}

    def unused(self, calls: Iterable[Asked]) -> set[str]:
        """Of all that is granted, what none of these calls needs: its statement's name and the action."""
        seen = [*calls]
        found = set()
        for statement in (one for policy in self.policies for one in policy["Statement"]):
            for action, resource in product(_each(statement["Action"]), _each(statement["Resource"])):
                alone = replace(self, policies=[{"Statement": [{**statement, "Action": action, "Resource": resource}]}])
                if not any(alone.allow(one) for one in seen):
                    found.add(f"{statement['Sid']}: {action}")
        return found

    def allow(self, one: Asked) -> bool:
        function = one.function or "unknown"
        if function and not function.startswith("arn:"):
            function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
        keys = {"iam:passedtoservice": one.passed_to, "lambda:functionarn": function}
        if one.absent:
            keys["s3:if-none-match"] = "*"
        if one.boundary:
            keys["iam:permissionsboundary"] = one.boundary
        context = iam_evaluator.EvalContext(
            "arn:aws:sts::000000000000:assumed-role/tried/job", "AssumedRole", ACCOUNT, one.action, one.resource,
            REGION, source_ip="127.0.0.1", secure_transport=True, service_context=keys,
        )  # fmt: skip
        granted = [iam_evaluator.parse_policy_document(json.dumps(policy)) for policy in self.policies]
        limit = [iam_evaluator.parse_policy_document(json.dumps(self.boundary))]
        return bool(iam_evaluator.evaluate(context, granted, limit).decision == "Allow")

    def denied(self, calls: Iterable[Asked]) -> list[str]:
        """What of these it may not do."""
        return sorted({str(one) for one in calls if not self.allow(one)})

    def allowed(self, calls: Iterable[Asked]) -> set[Asked]:
        """What of these it may do."""
        return {one for one in calls if self.allow(one)}
