"""What a finished page may not hold: it runs nothing of a stranger's and asks for nothing.

Texts from files are escaped, so this concerns the user's own templates, which may be a
stranger's. It is checked in the finished HTML, whatever put it there, and a content security
policy in the page has the browser refuse what slipped through.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from fmnist.report.output.templating import ReportTemplateError

_LOADING = {
    *("base", "embed", "frame", "frameset", "iframe", "link", "object", "applet", "portal"),
    *("form", "audio", "video", "source", "track", "foreignobject", "animate", "set", "use"),
}
_ADDRESSES = {
    *("src", "srcset", "poster", "data", "action", "formaction", "background", "ping"),
    *("xlink:href", "manifest", "codebase", "imagesrcset"),
}
_LINKS = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
_LOADED = re.compile(r"@import|url\(\s*+[\"']?+\s*+(?!data:)", re.IGNORECASE)
# No page and no XML may hold them, whichever text brought them.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_HEAD = re.compile(r"<head(?:\s[^>]*)?>", re.IGNORECASE)


def guarded(html: str, script: str, policy: str) -> str:
    """The page with its policy for the browser, after it was looked through.

    Args:
        script: text of the one script that the page may hold: ours.
        policy: the Content-Security-Policy; put in where a template left it out.

    Raises:
        ReportTemplateError: names the line of the finished page and what is wrong there.
    """
    html = _CONTROL.sub("", html)
    reader = _Reader(script)
    reader.feed(html)
    reader.close()
    reader.finish()
    if policy in reader.policies:
        return html
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    return _HEAD.sub(lambda match: f"{match[0]}\n{meta}", html, count=1)


class _Reader(HTMLParser):
    """Looks at every tag."""

    def __init__(self, script: str) -> None:
        super().__init__(convert_charrefs=True)
        self._script = script
        self.policies: set[str] = set()
        self._inside, self._data_only = "", False
        self._text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside, self._text = tag, []
        if tag in _LOADING:
            self._refuse(f"the tag <{tag}>")
        values = {name: (value or "").strip() for name, value in attrs}
        if tag == "meta":
            self._meta(values)
        self._data_only = tag == "script" and values.get("type", "").lower() == "application/json"
        for name, value in values.items():
            self._attribute(name, value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self._text.append(data)

    def handle_endtag(self, tag: str) -> None:
        text = "".join(self._text)
        if self._inside == "script" and not self._data_only and text != self._script:
            self._refuse("a script that is not ours")
        if self._inside == "style" and (found := _LOADED.search(text)):
            self._refuse(f"the style {text[found.start() : found.start() + 60]!r}")
        self._inside, self._text = "", []

    def finish(self) -> None:
        """A script or style that is left open is none of ours."""
        if self._inside in ("script", "style"):
            self._refuse(f"a <{self._inside}> that does not end")

    def _meta(self, values: dict[str, str]) -> None:
        kind = values.get("http-equiv", "").lower()
        if kind == "content-security-policy":
            self.policies.add(values.get("content", ""))
        elif kind:
            self._refuse(f"<meta http-equiv={kind!r}>")

    def _attribute(self, name: str, value: str) -> None:
        if name.startswith("on") or name == "srcdoc":
            self._refuse(f"the attribute {name}")
        if name in _ADDRESSES and not value.lower().startswith(("data:image/", "#")):
            self._refuse(f"{name}={value[:60]!r}: only what stands in the page itself is shown")
        if name == "href" and value and not _LINKS.match(value):
            self._refuse(f"the link {value[:60]!r}: http://, https://, mailto: and # are taken")
        if name == "style" and _LOADED.search(value):
            self._refuse(f"the style {value[:60]!r}")

    def _refuse(self, what: str) -> None:
        raise ReportTemplateError(
            f"the finished page has {what} in line {self.getpos()[0]}; a report runs and loads "
            "nothing: take it out of the template"
        )
