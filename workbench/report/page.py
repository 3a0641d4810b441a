"""A report as one HTML page that needs nothing but itself: no script, no network, and the user's words only as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

from workbench.report import blocks as b
from workbench.report import charts

_STYLE: Final = Path(__file__).parent / "style.css"
_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # none of HTML's characters
#: Were markup ever to slip in, the browser loads and runs nothing.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def to_html(document: b.Document) -> str:
    """Return a page."""
    title = _safe(f"{document.title}: {document.subtitle}")
    links = " · ".join(f'<a href="#{one.anchor}">{_safe(one.title)}</a>' for one in document.sections if one.title)
    foot = "".join(f"<p>{_safe(said)}</p>" for said in document.foot)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>
{_style()}</style>
</head>
<body>
<main>
<header>
<h1>{_safe(document.title)}</h1>
<p class="subtitle">{_safe(document.subtitle)}</p>
</header>
{_section(document.sections[0], 2)}
<nav aria-label="Contents"><p>{links} · <a href="#appendix">Appendix</a></p></nav>
{"".join(_section(one, 2) for one in document.sections[1:])}
<section class="terms" aria-labelledby="words"><h2 id="words">What the words mean</h2>
{_terms(document.terms)}</section>
<div class="appendix" id="appendix" role="region" aria-labelledby="appendix-title">
<h2 id="appendix-title">Appendix for engineers</h2>
{"".join(_section(one, 3) for one in document.appendix)}</div>
</main>
<footer>{foot}</footer>
</body>
</html>
"""


@cache
def _style() -> str:
    return _STYLE.read_text(encoding="utf-8")


def _safe(words: str) -> str:
    """Return text as HTML shows it, quotes and all; what is no character of HTML is a question mark in a box."""
    return escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", words))


def _section(section: b.Section, level: int) -> str:
    title = f'<h{level} id="{section.anchor}">{_safe(section.title)}</h{level}>\n' if section.title else ""
    named = f' aria-labelledby="{section.anchor}"' if title else ""
    blocks = "\n".join(_block(block, f"{section.anchor}-{place}") for place, block in enumerate(section.blocks))
    return f"<section{named}>\n{title}{blocks}\n</section>\n"


def _block(block: b.Block, name: str) -> str:
    match block:
        case b.Text():
            kind = f' class="{block.kind}"' if block.kind else ""
            return f"<p{kind}>{_words(block.words)}</p>"
        case b.Points():
            return f"<ul>{''.join(f'<li>{_words(item)}</li>' for item in block.items)}</ul>"
        case b.Table():
            return _table(block)
        case b.Bars():
            return _figure(block.caption, block.parts, ("bar", "part"), charts.bars(block, name))
        case b.Dots():
            return _figure(block.caption, block.marks, ("dot", "ring"), charts.dots(block, name))
        case b.Steps():
            return _figure(block.caption, (), (), charts.steps(block, name))
        case b.Quote():
            return (
                f'<figure class="quote"><blockquote dir="auto">{_safe(block.text)}</blockquote>'
                f"<figcaption>{_safe(block.source)}</figcaption></figure>"
            )
        case b.Actions():
            return f'<ol class="actions">{"".join(map(_action, block.items))}</ol>'


def _words(words: b.Words) -> str:
    return "".join(f"<code>{_safe(word.text)}</code>" if isinstance(word, b.Code) else _safe(word) for word in words)


def _action(one: b.Action) -> str:
    return (
        f'<li><strong>{_safe(one.title)}</strong> <span class="worth">{_safe(one.worth)}</span>'
        f'<span class="basis">{_safe(one.basis)}</span><code>{_safe(one.do)}</code></li>'
    )


def _figure(caption: str, marks: Sequence[str], kinds: Sequence[str], svg: str) -> str:
    legend = "".join(
        f'<span class="key {kind}" aria-hidden="true"></span>{_safe(said)} ' for kind, said in zip(kinds, marks, strict=True)
    )
    told = f'<span class="legend">{legend.rstrip()}</span>' if legend else ""
    return f"<figure><figcaption>{_safe(caption)} {told}</figcaption>{svg}</figure>"


def _table(table: b.Table) -> str:
    """Return a table; on a narrow screen its lines become blocks, each cell with the name of its column."""
    kinds = [' class="number"' if place in table.numbers else "" for place in range(len(table.columns))]
    heads = "".join(
        f'<th role="columnheader" scope="col"{kind}>{_safe(name)}</th>' for name, kind in zip(table.columns, kinds, strict=True)
    )
    lines = []
    for row in table.rows:
        cells = [f'<th role="rowheader" scope="row">{_safe(row[0])}</th>']
        for cell, column, kind in zip(row[1:], table.columns[1:], kinds[1:], strict=True):
            cells.append(f'<td role="cell" data-column="{_safe(column)}"{kind}>{_safe(cell)}</td>')
        lines.append(f'<tr role="row">{"".join(cells)}</tr>')
    head = f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>' if any(table.columns) else ""
    kind = f' class="{"code" if table.code else "wide"}"' if table.wide or table.code else ""
    return (
        f'<table role="table"{kind}><caption>{_safe(table.caption)}</caption>{head}'
        f'<tbody role="rowgroup">{"".join(lines)}</tbody></table>'
    )


def _terms(terms: Sequence[tuple[str, str]]) -> str:
    lines = "".join(f"<div><dt>{_safe(term)}:</dt> <dd>{_safe(said)}</dd></div>" for term, said in terms)
    return f"<dl>{lines}</dl>\n"
