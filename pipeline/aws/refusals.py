"""What AWS answers that is no result, as CrabwalkError: what was being done, and whether the same call may succeed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.errors import AwsError, CrabwalkError


class TransientError(AwsError):
    """AWS was not reached, was too busy, or had something else in progress: the same call may succeed later."""


class AccessError(AwsError):
    """AWS did not accept who is calling: credentials that ran out, or may not do this."""


@contextmanager
def aws_errors(doing: str) -> Iterator[None]:
    """Turn botocore's exceptions into AwsError with what was being done and what to do next.

    It is a TransientError where the same call may succeed later.
    """
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        CredentialRetrievalError,
        HTTPClientError,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
        SSOError,
        TokenRetrievalError,
    )
    from botocore.exceptions import (
        ConnectionError as BotoConnectionError,
    )

    try:
        yield
    except CrabwalkError:
        raise
    except ClientError as error:
        code, message = error_code(error), error.response.get("Error", {}).get("Message", "")
        hint = _access_hint(code) if code in ACCESS_CODES else None
        passing = code not in ACCESS_CODES and (http_status(error) in {409, 429} or http_status(error) >= 500)
        refused = AccessError if code in ACCESS_CODES else AwsError
        kind = TransientError if passing or code in THROTTLE_CODES else refused
        raise kind(f"could not {doing}: {code}: {message}", hint=hint) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise AccessError(
            f"could not {doing}: no AWS credentials were found",
            hint="set AWS_PROFILE or AWS_ACCESS_KEY_ID/AWS_SECRET_ACCESS_KEY, or assume the deploy role",
        ) from error
    except (BotoConnectionError, HTTPClientError) as error:
        raise TransientError(
            f"could not {doing}: AWS cannot be reached ({error})",
            hint="check the network; for `local`, see `crabwalk local status`",
        ) from error
    except ProfileNotFound as error:
        raise AccessError(
            f"could not {doing}: {error}", hint="check AWS_PROFILE; `aws configure list-profiles` names those there are"
        ) from error
    except (CredentialRetrievalError, SSOError, TokenRetrievalError) as error:
        raise AccessError(f"could not {doing}: {error}", hint=SIGN_IN) from error
    except BotoCoreError as error:
        raise AwsError(f"could not {doing}: {error}") from error


SIGN_IN = "sign in again (`aws sso login`, or assume the role anew), then try again"
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
SIGNATURE_CODES = frozenset({"InvalidSignatureException", "RequestTimeTooSkewed", "SignatureDoesNotMatch"})
ACCESS_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        *SIGNATURE_CODES,
        *EXPIRED_CODES,
    }
)


THROTTLE_CODES = frozenset(
    {
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


def _access_hint(code: str) -> str:
    if code in EXPIRED_CODES:
        return f"they have run out: {SIGN_IN}"
    if code in SIGNATURE_CODES:
        return "check the secret key, and this machine's clock: AWS accepts a signature for five minutes"
    return "check the credentials and their permissions"


def error_code(error: Any) -> str:
    """AWS's error code of a ClientError, for example `ResourceNotFoundException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def http_status(error: Any) -> int:
    """HTTP status of a ClientError, 0 if it has none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
