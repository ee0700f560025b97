"""Every dialog that there is, as the console's own sources list them, and how a person comes to each."""

import re
from dataclasses import dataclass

from e2e.busy_house import QUICK, House
from e2e.site_map import CONSOLE
from playwright.sync_api import Locator, Page

_TITLE = re.compile(r"<(?:Dialog|Confirm|ShownOnce)\s+title=(\"[^\"]*\"|\{[^\n]*?\})\s(?:action|onClose|secret)=")
_USE = re.compile(r"<(?:Dialog|Confirm|ShownOnce|dialog)\b")
_TEXT = re.compile(r"\"([^\"]*)\"|`([^`]*)`")


@dataclass(frozen=True)
class Opening:
    """How a dialog is opened."""

    name: str
    """What it is called then."""
    path: str
    """With the ids of the house's in braces."""
    steps: tuple[str | tuple[str, str], ...]
    """What to press, each by the beginning of its name; or what to fill in, by its label."""
    width: int = 1440

    def address(self, house: House) -> str:
        """Where it is opened in this house."""
        return self.path.format(lodger=house.lodger.id, barred=house.barred, running=house.running)

    def open(self, page: Page) -> Locator:
        """Take the steps; those after the first are taken in the dialog that is open then, if one is."""
        for step in self.steps:
            opened = page.get_by_role("dialog")
            place: Page | Locator = opened if opened.count() else page.locator("body")
            if isinstance(step, tuple):
                place.get_by_label(step[0], exact=True).fill(step[1])
            else:
                place.get_by_role("button", name=re.compile(f"^{re.escape(step)}")).first.click()
        dialog = page.get_by_role("dialog", name=self.name)
        dialog.wait_for()
        return dialog


def titles() -> list[re.Pattern[str]]:
    """What dialogs are called in the sources; what only the page knows stands for anything."""
    found = []
    for path in sorted(CONSOLE.rglob("*.tsx")):
        if path.parent.name == "ui":
            continue
        text = path.read_text(encoding="utf-8")
        here = _TITLE.findall(text)
        assert len(here) == len(_USE.findall(text)), f"{path.name}: a dialog's title is not told where it is used"
        for title in here:
            found += [plain or filled for plain, filled in _TEXT.findall(title)]
    return [re.compile(".+".join(map(re.escape, re.split(r"\$\{[^}]*\}", title)))) for title in found]


OPENINGS = [
    Opening("Go to", "/", ("Search",)),
    Opening("Issue New API Key", "/apikeys", ("Issue New API Key",)),
    Opening("Your New API Key", "/apikeys", ("Issue New API Key", ("API Key Name", "one more"), "Create Key")),
    Opening("Change this key", "/apikeys", ("Change batch jobs",)),
    Opening("Give old laptop a new secret", "/apikeys", ("Rotate old laptop",)),
    Opening("Delete old laptop?", "/apikeys", ("Delete old laptop",)),
    Opening("Cancel this batch?", "/batch?id={running}", ("Cancel",)),
    Opening("New batch", "/batch", ("New batch",)),
    Opening("Delete this file?", "/files", ("Delete",)),
    Opening("Request", "/requests?tab=history", ("Open request",)),
    Opening("Ask it from code", "/models", ("Code",)),
    Opening(f"Stop {QUICK}?", "/models", ("Stop",)),
    Opening(f"Log of {QUICK}", "/models", ("Logs",)),
    Opening("System prompt and parameters", "/playground", ("Parameters",), width=390),
    Opening("Revoke all other sessions?", "/account", ("Revoke all others",)),
    Opening("Revoke Unknown client?", "/account", ("Revoke Unknown",)),
    Opening("Edit account", "/users?account={lodger}", ("Edit",)),
    Opening("Disable this account?", "/users?account={lodger}", ("Disable",)),
    Opening("Enable this account?", "/users?account={barred}", ("Enable",)),
    Opening("Reset the password?", "/users?account={lodger}", ("Reset password",)),
    Opening("The new password", "/users?account={barred}", ("Reset password", "Reset password")),
    Opening("Revoke this key for good?", "/users?account={lodger}", ("Revoke the key",)),
    Opening("Invite somebody", "/users", ("Invite",)),
    Opening("The invitation", "/users", ("Invite", "Make link")),
    Opening("Take the invitation back?", "/users?tab=invitations", ("Take back",)),
    Opening("Create account", "/users", ("Create account",)),
    Opening("The account is made", "/users", ("Create account", ("E-mail", "frances@example.org"), "Create account")),
    Opening("New plan", "/settings?tab=plans", ("New plan",)),
    Opening("Edit the plan free", "/settings?tab=plans", ("Edit the plan free",)),
    Opening("Reset the plan trial?", "/settings?tab=plans", ("Reset the plan trial",)),
]
