"""A bucket that speaks S3. Nothing in it needs to be public: readers get its files through the site's own addresses.

Putting an object is whole or nothing by the protocol; a large file goes in parts, which are no object before the last one. Each
question is bounded: two seconds to connect, ten for an answer, three tries.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, NoCredentialsError, ReadTimeoutError

from articles.stores.interface import Parts, Stored, StoreError

CONNECT_SECONDS, ANSWER_SECONDS, TRIES = 2, 10, 3
HURRIED_CONNECT_SECONDS, HURRIED_ANSWER_SECONDS = 1, 3
REST_SECONDS = 5.0
"""How long pages do without a store that just failed, before one of them asks again."""
LARGE = 32 * 1024 * 1024
_client_lock = threading.Lock()


class S3Store:
    """The objects below ``<prefix>/<part>/`` of a bucket. boto3 reads the keys from the environment (``AWS_ACCESS_KEY_ID`` …)."""

    is_shared = True

    def __init__(
        self, *, bucket: str, part: str, prefix: str = "", endpoint_url: str = "", region: str = "", is_hurried: bool = False
    ) -> None:
        self.bucket, self.endpoint_url, self.region, self.is_hurried = bucket, endpoint_url, region, is_hurried
        self.prefix = f"{prefix}/{part}/" if prefix else f"{part}/"
        self._rest = _rest_of(endpoint_url, bucket)

    def write(self, name: str, data: bytes) -> None:
        # Object stores compare it with what arrived; newer kinds of checksum are not known to all of them.
        digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        with self._asking(name) as client:
            client.put_object(Bucket=self.bucket, Key=self._key(name), Body=data, ContentMD5=digest)

    def write_from(self, name: str, path: Path) -> None:
        # Two parts at once: a worker beside a server must not take the whole line.
        transfer = TransferConfig(multipart_threshold=LARGE, multipart_chunksize=LARGE, max_concurrency=2)
        with self._asking(name) as client:
            client.upload_file(str(path), self.bucket, self._key(name), Config=transfer)

    def stage(self, name: str, data: bytes, key: str) -> Callable[[], None]:
        """Puts it in its place at once: a row must never name what is not there, and nobody knows the address before its row."""
        self.write(name, data)
        return partial(self._write_if_gone, name, data)

    def _write_if_gone(self, name: str, data: bytes) -> None:
        # Whoever removed an entry of the same content meanwhile took the object with it.
        if not self.has(name):
            self.write(name, data)

    def read(self, name: str) -> bytes:
        for left in reversed(range(TRIES)):
            parts = self.stream(name)
            try:
                with closing(parts):
                    return b"".join(parts)
            except StoreError:
                # The library asks again for an answer, but not for the rest of one that broke off.
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def stream(self, name: str, start: int = 0, length: int | None = None) -> Parts:
        wanted = {} if not start and length is None else {"Range": f"bytes={start}-{start + length - 1 if length else ''}"}
        with self._asking(name) as client:
            answer = client.get_object(Bucket=self.bucket, Key=self._key(name), **wanted)
        body = answer["Body"]

        def read(size: int) -> bytes:
            # A size of nothing means the rest to the library.
            with self._asking(name):
                return bytes(body.read(size)) if size else b""

        return Parts(read, body.close)

    def find(self, name: str) -> Stored | None:
        try:
            with self._asking(name) as client:
                answer = client.head_object(Bucket=self.bucket, Key=self._key(name))
        except FileNotFoundError:
            return None
        return Stored(name, answer["ContentLength"], answer["LastModified"].timestamp())

    def has(self, name: str) -> bool:
        return self.find(name) is not None

    def remove(self, names: Iterable[str]) -> None:
        # One by one: the question for many at once differs from store to store.
        for name in names:
            with self._asking(name) as client:
                client.delete_object(Bucket=self.bucket, Key=self._key(name))

    def walk(self, folder: str = "") -> Iterator[Stored]:
        prefix = self.prefix + (f"{folder.rstrip('/')}/" if folder else "")
        with self._asking(folder) as client:
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                for found in page.get("Contents", ()):
                    yield Stored(found["Key"].removeprefix(self.prefix), found["Size"], found["LastModified"].timestamp())

    def sweep(self, before: datetime, folder: str = "") -> list[str]:
        """Ends uploads in parts that nobody will finish: they cost room, and no list of objects shows them."""
        removed = []
        prefix = self.prefix + (f"{folder.rstrip('/')}/" if folder else "")
        with self._asking(folder) as client:
            for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix):
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] < before:
                        client.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
                        removed.append(upload["Key"].removeprefix(self.prefix))
        return removed

    def probe(self) -> None:
        """Asks for a single name: that needs no more rights than the store's work does."""
        with self._asking("") as client:
            client.list_objects_v2(Bucket=self.bucket, Prefix=self.prefix, MaxKeys=1)

    def _key(self, name: str) -> str:
        return self.prefix + name

    @contextmanager
    def _asking(self, name: str) -> Iterator[Any]:
        """A client; what goes wrong becomes FileNotFoundError or StoreError, which name the object."""
        place = f"s3://{self.bucket}/{self._key(name)}"
        if self.is_hurried and not self._rest.may_ask():
            raise StoreError(errno.EAGAIN, "the media store did not answer a moment ago", place)
        try:
            yield _client(self.endpoint_url, self.region, os.getpid(), is_hurried=self.is_hurried)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
            if status == 404 and code != "NoSuchBucket":
                raise FileNotFoundError(errno.ENOENT, "the media store has no such file", place) from error
            if status >= 500:
                self._rest.begin()
            raise StoreError(errno.EIO, f"the media store refused it: {code or status}", place) from error
        except (BotoCoreError, Boto3Error) as error:
            self._rest.begin()
            raise StoreError(errno.EIO, f"the media store {_describe(error)}", place) from error
        else:
            self._rest.end()


def _describe(error: Exception) -> str:
    if isinstance(error, NoCredentialsError):
        return "needs keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, ConnectTimeoutError):
        return "could not be reached in time"
    if isinstance(error, ReadTimeoutError):
        return "did not answer in time"
    return f"could not be reached, or broke off ({type(error).__name__})"


class _Rest:
    """While a store rests, pages do not ask it: each would hold a thread of the server for seconds. Then one of them tries."""

    def __init__(self) -> None:
        self._until = 0.0
        self._lock = threading.Lock()

    def may_ask(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._until:
                return False
            if self._until:
                self._until = now + REST_SECONDS
            return True

    def begin(self) -> None:
        with self._lock:
            self._until = time.monotonic() + REST_SECONDS

    def end(self) -> None:
        with self._lock:
            self._until = 0.0


@cache
def _rest_of(endpoint_url: str, bucket: str) -> _Rest:
    return _Rest()


def _client(endpoint_url: str, region: str, process: int, *, is_hurried: bool) -> Any:
    # Clients may be shared by threads, but not be made by two at once, nor go over into another process.
    with _client_lock:
        return _make_client(endpoint_url, region, process, is_hurried=is_hurried)


@cache
def _make_client(endpoint_url: str, region: str, process: int, *, is_hurried: bool) -> Any:
    config = Config(
        connect_timeout=HURRIED_CONNECT_SECONDS if is_hurried else CONNECT_SECONDS,
        read_timeout=HURRIED_ANSWER_SECONDS if is_hurried else ANSWER_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1 if is_hurried else TRIES},
        max_pool_connections=32,
        # A host of one's own has no name per bucket.
        s3={"addressing_style": "path" if endpoint_url else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client("s3", endpoint_url=endpoint_url or None, region_name=region or None, config=config)
