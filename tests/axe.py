"""axe-core in a page: what somebody stumbles over who does not see it, or has no mouse."""

from pathlib import Path

from playwright.sync_api import Page

from tests.requirements import require

HEAVY = {"serious", "critical"}
CHECK = """async rules => {
  const only = rules.length ? { runOnly: { type: "rule", values: rules } } : {};
  const found = await axe.run(document, { resultTypes: ["violations"], ...only });
  const words = node => [...node.any, ...node.all, ...node.none].map(why => why.message).join("; ");
  const places = one => one.nodes.map(node => `${node.target.join(" ")} (${words(node)})`);
  return found.violations.map(one => [one.impact, one.id, places(one)]);
}"""


def violations(page: Page, *rules: str) -> list[str]:
    """Return what is wrong on the page as it stands, one text each; of all rules, or of those named."""
    path = Path(require("axe"))
    if not page.evaluate("'axe' in window"):
        page.evaluate(path.read_text())
    found: list[tuple[str, str, list[str]]] = page.evaluate(CHECK, list(rules))
    return [f"{rule} ({impact}): {' | '.join(where[:3])}" for impact, rule, where in found if impact in HEAVY]
