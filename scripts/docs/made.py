"""Pages that are made from the program when the site is built, and pages written for GitHub made ready for the site.

MkDocs takes this file as a hook.
"""

import re
from typing import Any

import api
import commands
import links
import notebooks
import sources
from mkdocs.plugins import CombinedEvent, event_priority
from mkdocs.structure.files import File, Files

ICON = sources.CHECKOUT / "src" / "convscope" / "atlas" / "site" / "static" / "icon.svg"


def pages() -> dict[str, bytes]:
    """Every file that is made, by its place in docs."""
    written = api.pages() | commands.pages() | sources.pages()
    made = {name: text.encode() for name, text in written.items()}
    return made | notebooks.made() | {"icon.svg": ICON.read_bytes()}


@event_priority(0)
def _add(files: Files, config: Any) -> Files:
    for name in pages():
        files.append(File(name, config.docs_dir, config.site_dir, config.use_directory_urls))
    return files


@event_priority(-200)
def _fill(files: Files, config: Any) -> Files:
    """After mkdocs-static-i18n, which makes each file anew, by its path."""
    made = pages()
    for file in files:
        if file.src_uri in made:
            file.content_bytes = made[file.src_uri]
    return files


on_files = CombinedEvent(_add, _fill)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """Without the links to the other language for search engines: the theme's script looks for site maps there."""
    return re.sub(r'<link rel="alternate"[^>]*>\s*', "", output)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    if page.file.locale != page.file.locale_alternate_of:
        page.meta["search"] = {"exclude": True}  # an English page among the Chinese ones: found where it belongs
    if page.is_homepage:
        page.meta["hide"] = ["navigation", "toc"]  # there is nothing beside it; GitHub would print this as a table
    return links.ready(markdown, page.file.src_uri, page.file.url)
