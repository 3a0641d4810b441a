"""The script that Streamlit runs; `workbench.ui.launch` says with which settings."""

from workbench.ui.frame import show

show()
