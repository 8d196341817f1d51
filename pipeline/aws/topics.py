"""SNS: messages to topics that somebody named. Makes and changes no topic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from pipeline.aws import aws_errors, client
from pipeline.manifest.environments import Environment

ANSWER_TIMEOUT_S = 5
MAX_SUBJECT = 100  # characters of ASCII, by SNS


class Topics:
    """The topics an environment's credentials may publish to."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def prepare(self, topic: str) -> None:
        """Make the client for a topic's region; clients are not to be made by two threads at once."""
        client(self._in_its_region(topic), "sns", read_timeout_s=ANSWER_TIMEOUT_S)

    def publish(self, topic: str, subject: str, texts: Mapping[str, str], attributes: Mapping[str, str]) -> None:
        """Publish one message: `texts` by protocol, `default` for all others; subscriptions filter by `attributes`.

        Raises AwsError when SNS does not take it.
        """
        plain = "".join(sign if sign.isprintable() else " " for sign in subject)
        with aws_errors(f"publish to topic {topic}"):
            client(self._in_its_region(topic), "sns", read_timeout_s=ANSWER_TIMEOUT_S).publish(
                TopicArn=topic,
                Subject=plain.encode("ascii", "replace").decode()[:MAX_SUBJECT],
                Message=json.dumps(dict(texts), ensure_ascii=False),
                MessageStructure="json",
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
                },
            )

    def _in_its_region(self, topic: str) -> Environment:
        """The environment, as seen from the topic's region."""
        return replace(self._env, region=topic.split(":")[3] or self._env.region)
