"""The app from a checkout, with the settings of .streamlit/config.toml; `make app` and `workbench app` open the same."""

from workbench.ui.frame import show

show()
