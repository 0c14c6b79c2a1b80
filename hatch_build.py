"""The README as the page of a package index: there, links within the project must be addresses."""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURES = (".webp", ".png", ".svg")


def with_addresses(text: str, repository: str, tag: str) -> str:
    """Markdown with every target inside the project as an address at this tag."""

    def address(target: re.Match[str]) -> str:
        kind = "raw" if target[1].endswith(PICTURES) else "blob"
        return f"]({repository}/{kind}/{tag}/{target[1]})"

    return re.sub(r"\]\((?!https?:|#)([^)\s]+)\)", address, text)


class Readme(MetadataHookInterface):
    def update(self, metadata: dict[str, Any]) -> None:
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = with_addresses(text, metadata["urls"]["Repository"], f"v{metadata['version']}")
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
