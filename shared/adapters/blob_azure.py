"""Blobs of an Azure storage account: written once by a condition of the upload itself.

The container has an immutability policy of its own, so that not even the account's owner takes a blob away; what is
here keeps the same rule where the policy is missing.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from shared.adapters.blob import BlobConflict, BlobMissing, BlobUnavailable, are_same_bytes, checked_name
from shared.adapters.entra import default_credential

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.storage.blob import BlobClient, ContainerClient

SECONDS_TO_CONNECT, SECONDS_TO_ANSWER = 5, 60
# What is larger goes through a file: an archive has no largest size.
_MEMORY_BYTES_MAX = 4 << 20


class AzureBlobs:
    """The blobs of one container, reached with the instance's identity. Connects at the first use."""

    def __init__(
        self, account_url: str, container: str, credential: "TokenCredential | dict[str, str] | None" = None
    ) -> None:
        """An account with its key, `account_name` and `account_key`, is what Azurite takes."""
        self._account_url = account_url
        self._container = container
        self._credential = credential
        self._client: ContainerClient | None = None

    def put_once(self, name: str, parts: Iterable[bytes]) -> None:
        """Upload under the condition that nothing has this name; a blob's blocks are committed last, all at once."""
        from azure.core.exceptions import ResourceExistsError

        blob = self._blob(name)
        with tempfile.SpooledTemporaryFile(_MEMORY_BYTES_MAX) as sent:
            sent.writelines(parts)
            length = sent.tell()
            sent.seek(0)
            with _answering(name):
                try:
                    blob.upload_blob(cast("IO[bytes]", sent), overwrite=False, length=length)
                    return
                except ResourceExistsError:
                    sent.seek(0)
                    with self.open(name) as stored:
                        is_same = are_same_bytes(stored, cast("BinaryIO", sent))
        if not is_same:
            raise BlobConflict(f"{name} stands with other bytes")

    def open(self, name: str) -> BinaryIO:
        """The blob in a file of its own: what is read was whole when it was fetched."""
        from azure.core.exceptions import ResourceNotFoundError

        found = tempfile.SpooledTemporaryFile(_MEMORY_BYTES_MAX)  # noqa: SIM115 - the caller closes it
        try:
            with _answering(name):
                self._blob(name).download_blob().readinto(cast("IO[bytes]", found))
        except ResourceNotFoundError as error:
            found.close()
            raise BlobMissing(f"there is no blob {name}") from error
        except BaseException:
            found.close()
            raise
        found.seek(0)
        return cast("BinaryIO", found)

    def names(self, prefix: str) -> list[str]:
        with _answering(prefix):
            return sorted(self._container_client().list_blob_names(name_starts_with=prefix))

    def _blob(self, name: str) -> "BlobClient":
        return self._container_client().get_blob_client(checked_name(name))

    def _container_client(self) -> "ContainerClient":
        if self._client is None:
            from azure.storage.blob import ContainerClient

            self._client = ContainerClient(
                self._account_url,
                self._container,
                credential=self._credential or cast("TokenCredential", default_credential()),
                connection_timeout=SECONDS_TO_CONNECT,
                read_timeout=SECONDS_TO_ANSWER,
                retry_total=2,
            )
        return self._client


@contextmanager
def _answering(name: str) -> Iterator[None]:
    """What the store says of a blob passes; everything else is a store that does not answer."""
    from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

    try:
        yield
    except (ResourceExistsError, ResourceNotFoundError):
        raise
    except AzureError as error:
        raise BlobUnavailable(f"{name}: {type(error).__name__}") from error
