"""Who is at the app: where .streamlit/secrets.toml has `[auth]`, nobody sees a page before Streamlit's own sign-in."""

from __future__ import annotations

from typing import Final

import streamlit as st

from workbench.ui.wording import plain

_TITLE: Final = "Weak supervision workbench"
_LONGEST: Final = 80  # characters of a reviewer's name


def required() -> bool:
    """Return whether pages are only for people who have signed in."""
    return st.secrets.load_if_toml_exists() and "auth" in st.secrets


def who() -> str:
    """Return the name of who has signed in, as decisions keep it: the address; '' where nobody need to."""
    if not required() or not st.user.is_logged_in:
        return ""
    return str(st.user.get("email") or st.user.get("sub") or "")[:_LONGEST]


def admitted() -> bool:
    """Return whether pages may be shown to who is there; else say why not, and offer to sign in."""
    if not required():
        return True
    if not st.user.is_logged_in:
        st.title(_TITLE)
        st.markdown("Sign in to see tasks and to review. Your address stands beside each of your decisions.")
        st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)
        return False
    name = who()
    if not name or not _is_one_of(name, st.secrets["auth"].get("people")):
        st.title(_TITLE)
        st.error(f"{plain(name or 'Who has no address')} may not use this workbench; ask who runs it.", icon=":material/block:")
        st.button("Sign in as somebody else", on_click=st.logout)
        return False
    with st.sidebar:
        st.caption(f"Signed in as {plain(name)}")
        st.button("Sign out", type="tertiary", icon=":material/logout:", on_click=st.logout)
    return True


def _is_one_of(name: str, people: list[str] | None) -> bool:
    """Return whether a name is among people, which are addresses, or domains such as @desk.example; all are where none are."""
    if people is None:
        return True
    if st.user.get("email_verified") is False:
        return False
    known = [one.casefold() for one in people]
    return name.casefold() in known or f"@{name.casefold().rpartition('@')[2]}" in known
