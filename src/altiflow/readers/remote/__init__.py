"""Files from elsewhere: transfers that continue, retries, and the download manager."""

from altiflow.readers.remote.addresses import public_url, url_file_name
from altiflow.readers.remote.download import download_files
from altiflow.readers.remote.manifest import Download, read_manifest
from altiflow.readers.remote.retries import PassingError, Retries, with_retries

__all__ = [
    "Download",
    "PassingError",
    "Retries",
    "download_files",
    "public_url",
    "read_manifest",
    "url_file_name",
    "with_retries",
]
