"""The app: one file a page, and what pages share."""
