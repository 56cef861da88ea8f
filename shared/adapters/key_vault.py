"""Secrets of Azure Key Vault: the Ed25519 key is a secret there, because the vault's own keys are RSA and EC only."""

from typing import TYPE_CHECKING, cast

from shared.adapters.entra import default_credential
from shared.adapters.secrets import Secret, SecretUnavailable

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.keyvault.secrets import SecretClient

SECONDS_TO_CONNECT, SECONDS_TO_ANSWER = 5, 10


class KeyVaultSecrets:
    """The secrets of one vault, read with the instance's identity. Connects at the first use."""

    def __init__(
        self, url: str, credential: "TokenCredential | None" = None, *, is_stand_in: bool = False
    ) -> None:
        """A stand-in is a vault at another address than Azure's; the challenge of one is not held against its name."""
        self._url = url
        self._credential = credential
        self._is_stand_in = is_stand_in
        self._client: SecretClient | None = None

    def get(self, name: str) -> Secret:
        from azure.core.exceptions import AzureError

        try:
            found = self._connected().get_secret(name)
        except AzureError as error:
            raise _unavailable(name, error) from error
        return Secret(found.value or "", found.properties.version or "")

    def versions(self, name: str) -> list[Secret]:
        from azure.core.exceptions import AzureError

        client = self._connected()
        try:
            enabled = [each for each in client.list_properties_of_secret_versions(name) if each.enabled]
            enabled.sort(key=lambda each: (str(each.created_on), str(each.version)), reverse=True)
            found = [client.get_secret(name, each.version) for each in enabled]
        except AzureError as error:
            raise _unavailable(name, error) from error
        if not found:
            raise SecretUnavailable(f"secret {name} has no version that is enabled")
        return [Secret(each.value or "", each.properties.version or "") for each in found]

    def _connected(self) -> "SecretClient":
        if self._client is None:
            from azure.keyvault.secrets import SecretClient

            self._client = SecretClient(
                self._url,
                self._credential or cast("TokenCredential", default_credential()),
                verify_challenge_resource=not self._is_stand_in,
                connection_timeout=SECONDS_TO_CONNECT,
                read_timeout=SECONDS_TO_ANSWER,
                retry_total=2,
            )
        return self._client


def _unavailable(name: str, error: Exception) -> SecretUnavailable:
    """One sentence without what the vault was asked for or answered."""
    return SecretUnavailable(f"secret {name}: {type(error).__name__}")
