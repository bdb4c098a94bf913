"""Files from elsewhere: byte ranges, transfers that continue, retries, and the download manager."""

from altiflow.readers.remote.addresses import public_url, table_addresses, url_file_name
from altiflow.readers.remote.download import download_files
from altiflow.readers.remote.logins import log_in
from altiflow.readers.remote.manifest import Download, read_manifest
from altiflow.readers.remote.ranges import Grant, Grants, RemoteAccess, file_grants
from altiflow.readers.remote.retries import PassingError, Retries, with_retries

__all__ = [
    "Download",
    "Grant",
    "Grants",
    "PassingError",
    "RemoteAccess",
    "Retries",
    "download_files",
    "file_grants",
    "log_in",
    "public_url",
    "read_manifest",
    "table_addresses",
    "url_file_name",
    "with_retries",
]
