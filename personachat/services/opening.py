"""What the terminal shows when a server starts: what is missing, misspelt settings, and who may do what."""

from __future__ import annotations

from personachat.access import listens_on_loopback_alone
from personachat.errors import NoModelAvailable, PersonaChatError, SettingsInvalid
from personachat.services import Services
from personachat.settings import Settings, load_settings, login_configured
from personachat.telemetry import logs, unknown_settings


def say(*sentences: str) -> None:
    """Print each sentence on its own line. With JSON logs, log them instead."""
    for sentence in sentences:
        if not logs.announced(load_settings(), sentence):
            print(sentence, flush=True)  # noqa: T201  # for the terminal it was started from


def say_of_pages_alone(services: Services) -> None:
    """The messages of `streamlit run Home.py`, which serves pages without the API and always starts."""
    about_pages = _about_pages_alone(services)
    say(*unknown_settings.sentences(), *what_is_missing(services), f"PersonaChat: {about_pages}")


def refuse_unasked(host: str, settings: Settings) -> None:
    """Raise SettingsInvalid if other machines could reach the pages without a login, unless allowed."""
    if settings.require_login and not (login_configured() or settings.trusted_user_header):
        raise SettingsInvalid(
            "PERSONACHAT_REQUIRE_LOGIN is set, but no login is set up: nobody could open the pages.",
            hint="Set up [auth] in secrets.toml, or PERSONACHAT_TRUSTED_USER_HEADER for a proxy.",
        )
    has_login = login_configured() or (settings.require_login and settings.trusted_user_header)
    if listens_on_loopback_alone(host) or settings.public or has_login:
        return
    raise SettingsInvalid(
        (
            f"At {host or 'every address'}, other machines can reach the pages without a login: anyone "
            "could chat at your expense."
        ),
        hint=(
            "For this machine alone, listen at 127.0.0.1 (--host; with streamlit run: --server.address). "
            "If others are welcome, use --public or PERSONACHAT_PUBLIC=yes. Visitors then can't "
            "change the shared personas, unless you set PERSONACHAT_PUBLIC_EDITING=yes. Or set up a "
            "login with [auth] in secrets.toml."
        ),
    )


def who_can_do_what(host: str | None, settings: Settings) -> str:
    """Sentences for the terminal. `host` is where the server listens, None if that is not known."""
    alone = host is not None and listens_on_loopback_alone(host)
    return " ".join((_about_pages(settings, alone=bool(alone)), _about_api(settings)))


def what_is_missing(services: Services) -> tuple[str, ...]:
    """A sentence for each thing that is missing and keeps everybody from chatting."""
    missing = []
    try:
        services.check_providers()
    except NoModelAvailable as error:
        missing.append(f"{error} {error.hint}")
    try:
        services.check_database()
    except PersonaChatError as error:
        missing.append(f"The database can't be used, so chats can't be saved. {error} {error.hint}".strip())
    return tuple(" ".join(sentence.split()) for sentence in missing)


def _about_pages_alone(services: Services) -> str:
    settings = services.settings
    if services.accounts:
        return _about_pages(settings, alone=False)
    if settings.public_editing is False:
        editing = "but not change the shared personas (PERSONACHAT_PUBLIC_EDITING=no)"
    else:
        editing = "and change and delete the shared personas (PERSONACHAT_PUBLIC_EDITING=no forbids it)"
    return f"Anyone who can open the app can chat at your expense, {editing}."


def _about_pages(settings: Settings, *, alone: bool) -> str:
    if settings.require_login:
        return "The pages require a login."
    if alone and not settings.allowed_hosts:
        return "Only browsers on this machine have access, with full rights."
    if settings.public_editing:
        editing = "and change and delete the shared personas"
    elif login_configured() and settings.public_editing is None:
        editing = "and change personas after logging in, as their role allows"
    else:
        editing = "but not change the shared personas (PERSONACHAT_PUBLIC_EDITING=yes allows it)"
    who = "Anyone who can reach the proxy in front of it" if alone else "Anyone who can reach this machine"
    return f"{who} can chat at your expense, {editing}."


def _about_api(settings: Settings) -> str:
    if settings.accepted_tokens:
        exempt = ", except on this machine" if settings.trust_loopback else ""
        return f"The API requires one of PERSONACHAT_API_TOKENS{exempt}."
    if settings.require_login or settings.trusted_user_header:
        return "The API requires a token or the proxy that logs people in."
    return "The API is only open to programs on this machine (PERSONACHAT_API_TOKENS is not set)."
