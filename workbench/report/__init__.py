"""The report: figures in, one HTML page or Markdown text out; it reads nothing from disk but its own style."""

from workbench.report.markdown import to_markdown
from workbench.report.page import to_html
from workbench.report.sections import document_of

__all__ = ["document_of", "to_html", "to_markdown"]
