"""One file from a public S3 bucket, or from a path: block by block, continued where it broke off."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from altiflow.errors import GranuleError, InputError, LoginError
from altiflow.readers.remote.addresses import public_url
from altiflow.readers.remote.parts import Part, Stamp
from altiflow.readers.remote.retries import PassingError
from altiflow.readers.remote.transfer import Transferred
from altiflow.stop import Stop

__all__ = ["fetch_object", "fetch_path", "local_path", "object_size", "open_bucket"]

_BLOCK = 2**23


def open_bucket(timeout: float) -> Any:
    """Return the file system of public S3 buckets, used without a login.

    Raises
    ------
    InputError
        If s3fs is not installed.
    """
    try:
        s3fs: Any = import_module("s3fs")
    except ImportError as error:  # pragma: no cover - s3fs comes with earthaccess
        raise InputError("s3:// addresses need s3fs; pip install s3fs, or use the https:// address") from error
    patience = {"connect_timeout": timeout, "read_timeout": timeout, "retries": {"max_attempts": 1}}
    return s3fs.S3FileSystem(anon=True, config_kwargs=patience, skip_instance_cache=True)


def fetch_object(url: str, part: Part, bucket: Any, *, stop: Stop) -> Transferred:
    """Bring an object to the target of `part`; one try, which continues an unfinished part of the same version.

    Raises
    ------
    PassingError
        If another try may help.
    LoginError
        If the bucket is not public.
    GranuleError
        If there is no such object.
    """
    shown = public_url(url)
    known = part.stamp(shown)
    fresh = _object_stamp(bucket, url, shown)
    size = fresh.size or 0
    there = part.size if known is not None and known.etag == fresh.etag and part.size <= size else 0
    with part.writing(fresh, start=there) as file:
        for begin in range(there, size, _BLOCK):
            stop.check()
            file.write(_attempt(shown, bucket.cat_file, url, start=begin, end=min(begin + _BLOCK, size)))
    if _object_stamp(bucket, url, shown) != fresh:
        part.discard()
        raise PassingError("the object changed meanwhile; it is fetched anew")
    if part.size != size:
        raise PassingError(f"{part.size} of {size} bytes came")
    return Transferred(size, part.finish(), there)


def object_size(url: str, bucket: Any) -> int | None:
    """Return the size of an object [bytes].

    Raises
    ------
    PassingError, LoginError, GranuleError
        As :func:`fetch_object`.
    """
    return _object_stamp(bucket, url, public_url(url)).size


def _object_stamp(bucket: Any, url: str, shown: str) -> Stamp:
    """Return version and size of an object, asked anew."""
    bucket.invalidate_cache()
    told = _attempt(shown, bucket.info, url)
    if told.get("type") == "directory":
        raise GranuleError(f"{shown}: there is no such object, but some below it")
    return Stamp(shown, str(told.get("ETag", "")).strip('"'), str(told.get("LastModified", "")), int(told["size"]))


def _attempt(shown: str, call: Any, *args: Any, **kwargs: Any) -> Any:
    """Return what a call of the file system returns, its errors told in this package's words."""
    try:
        return call(*args, **kwargs)
    except FileNotFoundError:
        raise GranuleError(f"{shown}: there is no such object") from None
    except PermissionError:
        raise LoginError(f"{shown}: the bucket refused; it is not public") from None
    except OSError as error:
        raise PassingError(f"the bucket cannot be read now ({type(error).__name__})") from None
    except Exception as error:
        # botocore raises errors of its own, which share no base with the standard ones.
        if not type(error).__module__.startswith(("botocore", "aiobotocore", "aiohttp")):
            raise
        raise PassingError(f"the bucket could not be reached ({type(error).__name__})") from None


def fetch_path(url: str, part: Part, *, stop: Stop) -> Transferred:
    """Copy a file of this machine to the target of `part`.

    Raises
    ------
    GranuleError
        If there is no such file, or it cannot be read.
    """
    source = local_path(url)
    if not source.is_file():
        raise GranuleError(f"{source}: there is no such file")
    size = source.stat().st_size
    with part.writing(Stamp(url, size=size), start=0) as file, source.open("rb") as original:
        while block := original.read(_BLOCK):
            stop.check()
            file.write(block)
    return Transferred(part.size, part.finish(), 0)


def local_path(url: str) -> Path:
    """Return the path that a path or a file:// address means."""
    return Path(unquote(urlsplit(url).path)) if url.startswith("file://") else Path(url)
