"""JWT authorizers as API Gateway has them: described without a Lambda authorizer's fields, signatures really checked.

MiniStack checks RS256 only where `cryptography` is installed, and refuses every token elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import apigateway

from pipeline.local.patching import Patch, replace

OF_LAMBDA_AUTHORIZERS = (
    "authorizerUri",
    "authorizerPayloadFormatVersion",
    "authorizerResultTtlInSeconds",
    "authorizerCredentialsArn",
    "enableSimpleResponses",
)
_SHA256 = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo, RFC 8017 9.2


def signed(token: str, jwk: Mapping[str, Any]) -> bool:
    """Whether this key signed the token: RSASSA-PKCS1-v1_5 with SHA-256, RFC 8017 8.2.2."""
    try:
        head, claims, signature = token.split(".")
        modulus, exponent, number = (int.from_bytes(_bytes(part), "big") for part in (jwk["n"], jwk["e"], signature))
    except (ValueError, KeyError, binascii.Error):
        return False
    length = (modulus.bit_length() + 7) // 8
    digest = _SHA256 + hashlib.sha256(f"{head}.{claims}".encode()).digest()
    if number >= modulus or length < len(digest) + 11:
        return False
    padded = b"\x00\x01" + b"\xff" * (length - len(digest) - 3) + b"\x00" + digest
    return hmac.compare_digest(pow(number, exponent, modulus).to_bytes(length, "big"), padded)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def apply() -> list[Patch]:
    def creating(original: Callable[..., Any]) -> Callable[..., Any]:
        def create(api_id: str, data: dict[str, Any]) -> Any:
            status, headers, body = original(api_id, data)
            if status != 201 or data.get("authorizerType") != "JWT":
                return status, headers, body
            made = apigateway._authorizers[api_id][json.loads(body)["authorizerId"]]  # noqa: SLF001
            for name in OF_LAMBDA_AUTHORIZERS:
                made.pop(name, None)
            return apigateway._apigw_response(made, 201)  # noqa: SLF001

        return create

    def verifying(_: Callable[..., Any]) -> Callable[..., Any]:
        def verify(token: str, jwk: Mapping[str, Any]) -> bool:
            return signed(token, jwk)

        return verify

    return [
        replace(apigateway, "_create_authorizer", "api_id data", "JWT authorizers had a Lambda's fields", creating),
        replace(apigateway, "_verify_rs256_signature", "token jwk", "refused every token", verifying),
    ]
