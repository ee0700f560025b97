"""As whom an account's console acts: by a key of its own, so that limits, usage and prices hold there as elsewhere."""

from penstock.errors import InvalidKey, PermissionDenied
from penstock.tenants.accounts import Account
from penstock.tenants.caller import Caller
from penstock.tenants.callers import Callers
from penstock.tenants.keys import Keys


class ConsoleCallers:
    """Finds callers by their sessions' accounts."""

    def __init__(self, keys: Keys, callers: Callers) -> None:
        self._keys = keys
        self._callers = callers
        self._key_ids: dict[str, str] = {}

    async def of(self, account: Account) -> Caller:
        """Raises PermissionDenied where the console's key of this account opens nothing now, or DatabaseAway."""
        key_id = self._key_ids.get(account.id)
        if key_id is None:
            key_id = self._key_ids[account.id] = (await self._keys.of_console(account.id)).id
        try:
            return await self._callers.of_key(key_id)
        except InvalidKey as error:
            raise PermissionDenied(
                "The console's own key is disabled or has expired, so nothing runs from here. Enable it under API Keys."
            ) from error
