"""Pictures in one bucket become thumbnails in the other: each once, never of a thumbnail, and poison is put aside."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError
from callers.thumbnails import first_pixel, picture
from catalogue_kit import Catalogue, until
from shop_kit import REPOSITORY

RED, BLUE = (250, 10, 20), (10, 20, 250)
PHOTO = REPOSITORY / "services/thumbnails/pictures/photo.jpg"
EVENT = REPOSITORY / "services/thumbnails/events/thumbnails.json"


def put(shop: Catalogue, key: str, body: bytes) -> dict[str, Any]:
    bucket = shop.physical("thumbnails", "pictures")
    answer: dict[str, Any] = shop.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return answer


def thumbnail(shop: Catalogue, key: str) -> dict[str, Any] | None:
    """The object with its bytes, or None while there is none."""
    try:
        found = shop.client("s3").get_object(Bucket=shop.physical("thumbnails", "thumbnails"), Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchKey":
            return None
        raise
    return {**found, "Bytes": found["Body"].read()}


def lines(shop: Catalogue, key: str) -> list[str]:
    """What the log says became of a picture, each time."""
    return [line.get("done", line["message"]) for line in shop.log("thumbnails") if line.get("key") == key]


def tell(shop: Catalogue, key: str, etag: str, sequencer: str) -> None:
    """An event that S3 sends late, twice, or in another order: the function must bear it."""
    event = json.loads(EVENT.read_text())
    entity = event["Records"][0]["s3"]
    entity["bucket"]["name"] = shop.physical("thumbnails", "pictures")
    entity["object"] |= {"key": key, "eTag": etag, "sequencer": sequencer}
    answer = shop.client("lambda").invoke(
        FunctionName=shop.function("thumbnails"), Qualifier="live", Payload=json.dumps(event)
    )
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_a_picture_gets_a_thumbnail_whatever_its_key_is_made_of(catalogue: Catalogue) -> None:
    key = "Zürich & co/1+1 = 2, 100% ä.png"
    put(catalogue, f"in/{key}", picture(1024, 512, RED))
    found = until("the thumbnail", lambda: thumbnail(catalogue, f"{key}.png"))
    assert first_pixel(found["Bytes"]) == (256, 128, RED)
    assert found["ContentType"] == "image/png"
    assert found["Metadata"]["thumbnail-of"].startswith("in/Z%C3%BCrich%20%26%20co/1%2B1")


def test_a_photo_gets_one(catalogue: Catalogue) -> None:
    put(catalogue, "in/photo", PHOTO.read_bytes())
    width, height, (red, _, blue) = first_pixel(until("it", lambda: thumbnail(catalogue, "photo.png"))["Bytes"])
    assert (width, height) == (32, 16)
    assert red > 200
    assert blue < 60


def test_nothing_invokes_it_but_pictures_of_the_inbox(catalogue: Catalogue) -> None:
    put(catalogue, "elsewhere/1.png", picture(2, 2, RED))
    own = catalogue.physical("thumbnails", "thumbnails")
    catalogue.client("s3").put_object(Bucket=own, Key="in/own.png", Body=picture(2, 2, RED))
    put(catalogue, "in/last.png", picture(2, 2, RED))
    until("the last one", lambda: thumbnail(catalogue, "last.png.png"))
    assert lines(catalogue, "in/last.png") == ["Made"]
    assert lines(catalogue, "elsewhere/1.png") == lines(catalogue, "in/own.png") == []


def test_a_thumbnail_that_is_put_into_the_inbox_is_left_alone(catalogue: Catalogue) -> None:
    put(catalogue, "in/again.png", picture(2, 2, RED))
    until("the thumbnail", lambda: thumbnail(catalogue, "again.png.png"))
    source = {"Bucket": catalogue.physical("thumbnails", "thumbnails"), "Key": "again.png.png"}
    bucket = catalogue.physical("thumbnails", "pictures")
    catalogue.client("s3").copy_object(Bucket=bucket, Key="in/copy.png", CopySource=source)
    assert until("its line", lambda: lines(catalogue, "in/copy.png")) == ["Own"]
    assert thumbnail(catalogue, "copy.png.png") is None


def test_poison_is_tried_three_times_and_then_lies_in_the_dead_letter_queue(catalogue: Catalogue) -> None:
    sqs, url = catalogue.client("sqs"), catalogue.queue("thumbnails", "failed")
    put(catalogue, "in/bomb.png", picture(1, 1, RED, claims=60_000))
    put(catalogue, "in/beside.png", picture(2, 2, RED))
    until("the picture beside it", lambda: thumbnail(catalogue, "beside.png.png"))

    def put_aside() -> bool:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return any("bomb.png" in one["Body"] for one in found)

    until("the poison", put_aside)
    until("three lines", lambda: lines(catalogue, "in/bomb.png") == ["failed"] * 3)
    (reason,) = {line["reason"] for line in catalogue.log("thumbnails") if line.get("key") == "in/bomb.png"}
    assert "60000 x 60000 pixels" in reason


def test_events_may_come_twice_late_or_in_any_order(catalogue: Catalogue) -> None:
    first = put(catalogue, "in/order.png", picture(300, 300, RED))
    until("the first", lambda: thumbnail(catalogue, "order.png.png"))
    second = put(catalogue, "in/order.png", picture(300, 300, BLUE))

    def newest() -> dict[str, Any] | None:
        found = thumbnail(catalogue, "order.png.png")
        return found if found and first_pixel(found["Bytes"])[2] == BLUE else None

    sequencer = until("the second", newest)["Metadata"]["thumbnail-sequencer"]
    tell(catalogue, "in/order.png", second["ETag"].strip('"'), sequencer)  # twice
    tell(catalogue, "in/order.png", first["ETag"].strip('"'), "1")  # late: it tells of what was overwritten
    tell(catalogue, "in/order.png", second["ETag"].strip('"'), "1")  # slow: it read before and writes after the second
    assert newest()
    assert lines(catalogue, "in/order.png") == ["Made", "Made", "Known", "Overwritten", "Known"]


def test_an_object_that_is_gone_meanwhile_is_no_failure(catalogue: Catalogue) -> None:
    tell(catalogue, "in/gone.png", "0" * 32, "1")
    assert lines(catalogue, "in/gone.png") == ["Gone"]
