"""The script that Streamlit runs; `workbench.project.steps.app` says with which settings."""

from workbench.ui.frame import show

show()
