"""The composition root: every part built once from the settings, and shared by page, API and commands."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING

from personachat.accounts.administration import may_administer, role_of_owner
from personachat.accounts.administrator import Administrator
from personachat.accounts.audit import Audit
from personachat.accounts.audited_personas import AuditedPersonas
from personachat.accounts.budgets import REFRESH_SECONDS, Budgets
from personachat.accounts.housekeeping import Chore, Housekeeping
from personachat.accounts.identity import Identity, login_counts
from personachat.accounts.known_people import KnownPeople
from personachat.accounts.people import SeenPeople
from personachat.accounts.permitted import (
    PermittedLabels,
    PermittedPersonas,
    PermittedRevisions,
    PersonaRights,
    ShownPersonas,
)
from personachat.accounts.person import Person, Role, local_person
from personachat.accounts.persona_access import PersonaAccesses
from personachat.accounts.reach import PersonasInReach, RevisionsInReach
from personachat.accounts.roles import RoleRules
from personachat.accounts.settings_in_force import note_changes
from personachat.accounts.tokens import Tokens
from personachat.authoring.available_models import AvailableModels
from personachat.authoring.drafting import Drafter
from personachat.authoring.library import PersonaLibrary
from personachat.authoring.linting import Linter
from personachat.authoring.opening import FOLLOWING
from personachat.chat.branches import Branches
from personachat.chat.checkpoints import Checkpoints
from personachat.chat.completions import CompletionRequest, Completions, StartedCompletion
from personachat.chat.inspection import Inspection
from personachat.chat.live_conversations import CurrentConversations
from personachat.chat.service import ChatService
from personachat.chat.starter import ReplyStarter
from personachat.chat.tryout import trying_out
from personachat.conversations.faces import faces
from personachat.conversations.memory import MemoryConversations
from personachat.conversations.reply_records import SqlReplies
from personachat.conversations.responses import KeptResponses
from personachat.conversations.sql import SqlConversations
from personachat.database.connection import Database
from personachat.errors import (
    DatabaseDamaged,
    DatabaseUnavailable,
    LoginNeeded,
    NoModelAvailable,
    ProviderError,
    StoreUnavailable,
)
from personachat.history import moving
from personachat.history.changes import Change, changed_since
from personachat.history.erasing import expire
from personachat.history.library import ConversationLibrary
from personachat.history.organizing import purge
from personachat.history.person_data import PersonData
from personachat.history.sharing import Shared, SharedConversations
from personachat.lab.comparisons.seen import SeenComparison
from personachat.lab.comparisons.service import Comparisons
from personachat.lab.comparisons.store import SqlComparisons
from personachat.lab.comparisons.store import expire as expire_comparisons
from personachat.lab.comparisons.store import move_all as move_comparisons
from personachat.lab.comparisons.store import purge as purge_comparisons
from personachat.lab.runs.replying import Replying
from personachat.lab.suites.store import SuiteStore
from personachat.lab.testing import Testing, Tests, testing_of
from personachat.owners import LOCAL_OWNER, author_of
from personachat.personas.store.addressed import AddressedPersonas
from personachat.personas.store.base import PersonaSource, PersonaStore, Revisions
from personachat.personas.store.drafts import PersonaDrafts, purge_drafts
from personachat.personas.store.favourites import Favourites
from personachat.personas.store.labels import Labels
from personachat.personas.store.own_templates import OwnTemplates
from personachat.personas.store.picture_purging import purge_pictures
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.read_only import ReadOnlyPersonas
from personachat.personas.store.revisions import place_of
from personachat.personas.store.seeding import open_store
from personachat.personas.store.shares import PersonaShares
from personachat.personas.store.undos import PersonaUndos
from personachat.personas.templates.gallery import Gallery
from personachat.providers import pricing, trying
from personachat.providers.catalogue import ModelNames
from personachat.providers.registry import ProviderRegistry
from personachat.replies.engine import ReplyLimits
from personachat.replies.planner import ReplyPlanner
from personachat.replies.runner import ReplyRunner
from personachat.request_context import current_request
from personachat.settings import Settings, load_settings, people_log_in
from personachat.telemetry import logs, otel
from personachat.telemetry.words import Masking
from personachat.usage.closing import Closing
from personachat.usage.ledger import Ledger
from personachat.usage.model import Surface
from personachat.usage.people import People
from personachat.usage.reading import UsageReader
from personachat.usage.records import SqlUsage

if TYPE_CHECKING:
    from personachat.telemetry.prometheus import CallFigures


CHORE_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Workspace:
    """What one owner can do, each part bound to them."""

    owner: str
    chat: ChatService
    branches: Branches
    inspection: Inspection
    library: ConversationLibrary
    collection: PersonaLibrary
    personas: PersonaStore
    gallery: Gallery
    usage: UsageReader
    comparisons: Comparisons
    tests: Tests
    author: str
    """As people are told it."""

    person: Person
    rights: PersonaRights
    addressed: PersonaSource
    """Personas by what callers name them: an id, an earlier id, an id with a label."""
    revisions: Revisions
    labels: PermittedLabels
    completions: Completions
    may_edit: bool = True
    """Whether they may change the shared personas; where not, every part of this refuses to."""

    def complete(self, persona_id: str, ask: CompletionRequest, *, surface: Surface) -> StartedCompletion:
        """As Completions.start, for this owner."""
        return self.completions.start(persona_id, ask, owner=self.owner, surface=surface)


@dataclass(frozen=True, slots=True)
class Services:
    """The parts, ready to use."""

    settings: Settings
    personas: PersonaStore
    revisions: Revisions
    labels: Labels
    addressed: AddressedPersonas
    """Personas by what callers name them: an id, an earlier id, an id with a label."""
    database: Database
    providers: ProviderRegistry
    runner: ReplyRunner
    checkpoints: Checkpoints
    answers: ReplyStarter
    model_names: ModelNames
    linter: Linter
    gallery: Gallery
    drafter: Drafter
    completions: Completions
    kept_responses: KeptResponses
    ledger: Ledger
    people: People
    models: AvailableModels
    drafts: PersonaDrafts
    undos: PersonaUndos
    pictures: PersonaPictures
    budgets: Budgets
    audit: Audit
    tokens: Tokens
    housekeeping: Housekeeping
    testing: Testing
    accesses: PersonaAccesses
    seen_people: SeenPeople
    roles: RoleRules
    accounts: bool = False
    """Whether people log in here, so that what they create is theirs and their role counts."""
    figures: CallFigures | None = None
    """What /metrics says; None where there is none."""

    def person_of(self, owner: str, *, may_edit: bool = True) -> Person:
        """Whoever an owner is, as far as that is known without them: somebody unknown reads at most.

        This machine and the tokens of the settings are the operator's. Raises what the database raises.
        """
        if owner == LOCAL_OWNER:
            return local_person()
        if owner.startswith("token:"):
            return Person(owner, Role.ADMIN, author_of(owner))
        if not self.accounts:
            return Person(owner, Role.EDITOR if may_edit else Role.READER)
        seen = self.seen_people.last_known(owner) if owner.startswith("user:") else None
        if seen:
            return seen.person
        edits = owner.startswith("browser:") and may_edit and self.settings.public_editing is True
        return Person(owner, Role.EDITOR if edits else Role.READER)

    def of(
        self,
        owner: str,
        *,
        person: Person | None = None,
        author: str = "",
        may_edit: bool = True,
        surface: Surface = "page",
    ) -> Workspace:
        """One owner's workspace; cheap to make. `author` is who their work is said to be by.

        `person` is who they are, where that is known; it is looked up else. `surface` is where they are, for
        the ledger. Everything in it sees the personas through that person's rights.
        """
        person = self._as_far_as_allowed(person or self.person_of(owner, may_edit=may_edit))
        assert person.key == owner, "a person works on what is theirs"
        author = author or person.name or author_of(owner)
        may_edit = may_edit and person.role.includes(Role.EDITOR)
        rights = self.rights_of(person)
        trail = self.audit.trail(owner, name=author)
        permitted = PermittedPersonas(self.personas, rights)
        personas = AuditedPersonas(permitted, trail) if may_edit else ReadOnlyPersonas(permitted)
        revisions = PermittedRevisions(self.revisions, rights)
        labels = PermittedLabels(self.labels, rights)
        answering = self._answering(rights)
        collection = PersonaLibrary(
            personas,
            revisions,
            labels,
            Favourites(self.database),
            PersonaShares(self.database),
            owner=owner,
            author=author,
            models=self.models,
            pictures=self.pictures,
            rights=rights,
            trail=trail,
        )
        return Workspace(
            owner,
            ChatService(self.answers, owner=owner, personas=answering, surface=surface),
            Branches(self.answers, owner=owner, personas=answering, surface=surface, trail=trail),
            Inspection(
                self.answers,
                owner=owner,
                personas=answering,
                sees_prompt=lambda persona_id: rights.may("prompt", persona_id),
            ),
            ConversationLibrary(self.database, owner=owner, settle=self.checkpoints.settle, trail=trail),
            collection,
            personas,
            self.gallery if may_edit else self.gallery.read_only(),
            UsageReader(
                self.database,
                self.people,
                owner=owner,
                settle=self.ledger.settle,
                administers=may_administer(owner, role=self._stated_role(person)),
            ),
            Comparisons(
                self.answers,
                self.database,
                personas=answering,
                revisions=revisions,
                owner=owner,
                surface=surface,
                settle=self.checkpoints.settle,
            ),
            self.testing.of(
                owner, author=author, may_edit=may_edit, surface=surface, personas=answering, rights=rights
            ),
            author,
            person,
            rights,
            ShownPersonas(answering, rights),
            revisions,
            labels,
            self.completions.over(answering),
            may_edit,
        )

    def _as_far_as_allowed(self, person: Person) -> Person:
        """The person with the role of the token that the request came with, but no more than their own."""
        given = current_request.get().role
        if not given:
            return person
        role = Role(given)
        has_a_role = person.key == LOCAL_OWNER or (self.accounts and person.key.startswith("user:"))
        return person if has_a_role and role.includes(person.role) else replace(person, role=role)

    @staticmethod
    def _stated_role(person: Person) -> str:
        """The role that a token or a login says of a person as far as allowed; "" where none does."""
        return person.role if current_request.get().role else person.stated_role

    def administrator(self, owner: str, *, person: Person | None = None) -> Administrator:
        """What an administrator can do. Raises AdministrationNotAllowed for anybody else.

        `person` is who they are, where that is known; it is looked up else.
        """
        role = self._stated_role(self._as_far_as_allowed(person or self.person_of(owner)))
        return Administrator(
            self.budgets,
            self.audit,
            self.tokens,
            KnownPeople(self.database),
            PersonData(self.database, data_dir=self.settings.data_dir, stop=self._let_go_of),
            owner=owner,
            role=role,
        )

    def admit(self, identity: Identity) -> Person:
        """The person whom a login or a proxy names, with their role.

        Raises LoginNeeded where they are refused, or their login has run out or was ended by a sign-out
        everywhere; and what the database raises where it cannot say, and nothing is known of them.
        """
        person = self.roles.person(identity)
        if person is None:
            raise LoginNeeded(
                "Your account has no access here.",
                hint="Ask the person who runs this server to give it a role.",
                refused=True,
            )
        known = None
        try:
            known = self.seen_people.last_known(person.key)
        except (DatabaseUnavailable, DatabaseDamaged):
            if identity.ends:  # it may have been ended
                raise
        hours = self.settings.login_hours
        if not login_counts(
            identity,
            now=datetime.now(UTC),
            lasts=None if hours is None else timedelta(hours=hours),
            signed_out_before=known.signed_out_before if known else None,
        ):
            raise LoginNeeded("Your login has ended.", hint="Log in again.")
        with suppress(DatabaseUnavailable, DatabaseDamaged):
            self.seen_people.saw(person, identity, known=known)
        return person

    def rights_of(self, person: Person) -> PersonaRights:
        """What somebody may do with each persona."""
        shared_are_edited = not self.accounts or self.settings.public_editing is True
        return PersonaRights(
            self.accesses, person, accounts=self.accounts, shared_are_edited=shared_are_edited
        )

    def _answering(self, rights: PersonaRights) -> PersonaSource:
        """Those who can answer somebody, with all they have: it never leaves what is asked of a model."""
        whole = PermittedPersonas(self.personas, rights, whole=True)
        return AddressedPersonas(whole, self.revisions, self.labels)

    def conversations_of(self, owner: str) -> int:
        """How many conversations somebody has."""
        return moving.count_of(self.database, owner)

    def take_along(self, before: str, now: str) -> None:
        """Give all conversations of a browser to the person who logged in there."""
        assert before.startswith("browser:"), "nobody's account is moved"
        moving.move_all(self.database, before=before, now=now)
        move_comparisons(self.database, before=before, now=now)

    def _let_go_of(self, owner: str) -> None:
        self.runner.forget_all_of(owner)
        self.answers.conversations.temporary.forget_all_of(owner)
        self.checkpoints.settle()

    def trying_out(
        self, text: str, *, owner: str, variables: Mapping[str, str] = MappingProxyType({})
    ) -> ChatService:
        """Chats with a draft; see `personachat.chat.tryout`. Raises PersonaInvalid."""
        return trying_out(self.answers, text, owner=owner, variables=variables)

    def shared_conversation(self, token: str) -> Shared:
        """What a link shows to whoever has it. Raises ShareNotFound."""
        return SharedConversations(self.database).read(token)

    def shared_comparison(self, token: str) -> SeenComparison:
        """What a link to a comparison shows to whoever has it. Raises ShareNotFound."""
        owner, comparison_id = SqlComparisons(self.database).shared(token)
        return self.of(owner).comparisons.seen(comparison_id)

    def changed_since(
        self, moment: datetime, *, drafts: bool
    ) -> tuple[tuple[Change, ...], tuple[tuple[str, str, datetime], ...]]:
        """The conversations, and if asked for the `drafts`, that anybody changed at `moment` or later."""
        with self.database.read() as connection:
            changed = self.drafts.changed_since(connection, moment) if drafts else ()
            return changed_since(connection, moment), tuple(changed)

    def provider_names(self) -> tuple[str, ...]:
        return self.providers.names

    def try_provider(self, name: str) -> int:
        """Ask a provider for its models, with its key; returns how many. Raises ProviderError."""
        return trying.models_of(self.providers, self.runner, name)

    @property
    def database_is_out(self) -> bool:
        return self.database.is_out

    @property
    def uses_sqlite(self) -> bool:
        return self.database.is_sqlite

    def check_database(self) -> None:
        """Raises DatabaseUnavailable and DatabaseDamaged."""
        self.database.check()

    def check_providers(self) -> None:
        """Raises NoModelAvailable where no provider is configured and no model is installed. Asks nobody."""
        try:
            self.models.answering("")
        except NoModelAvailable:
            raise
        except ProviderError:
            return  # some personas get an answer

    def warm_up(self) -> None:
        """Do what the first reply would wait for, and tidy up the database; takes seconds.

        Errors as for ReplyRunner.ask; DatabaseUnavailable, DatabaseDamaged.
        """
        self.runner.ask(self.providers.warm_up(), timeout_seconds=60)
        pricing.warm_up()
        note_changes(self.audit, self.settings)
        purge(self.database)
        purge_comparisons(self.database)
        self.kept_responses.forget_old()
        purge_drafts(self.database)
        with suppress(StoreUnavailable):
            # The first look at many personas takes a moment, and so does recording them.
            texts = [stored.text for stored in self.personas.all()]
            purge_pictures(self.database, also=(faces,), texts=texts)

    def close(self) -> None:
        """End every live reply and record its end, then the providers, then the loop they ran on; once."""
        if self.runner.closed:
            return
        self.housekeeping.close()
        self.runner.interrupt_all()
        self.model_names.close()
        try:
            self.runner.ask(self.providers.aclose(), timeout_seconds=10)
        finally:
            self.runner.close()
            self.ledger.close()
            self.kept_responses.close()
            self.checkpoints.close()
            self.database.close()


def build_services(settings: Settings) -> Services:
    """Build the parts. The database is opened when it is first needed."""
    database = Database.of(settings)
    suites = SuiteStore.of(settings, database)
    stored, kept = open_store(settings, database, moves=(*FOLLOWING, suites.move_persona))
    personas, revisions = PersonasInReach(stored), RevisionsInReach(kept)
    labels = Labels(database, place=place_of(settings))
    addressed = AddressedPersonas(personas, revisions, labels)
    records = SqlReplies(database)
    providers = ProviderRegistry(settings)
    checkpoints = Checkpoints(records)
    people = People(database)
    seen_people = SeenPeople(database)
    audit = Audit(database, retention_days=settings.audit_retention_days)
    budgets = Budgets(database, people, settings=settings, role_of=partial(_role_of, seen_people))
    figures = _figures(settings, running=lambda: runner.running)
    spans = otel.observer(masking=Masking.of(settings))
    ledger = Ledger(
        SqlUsage(database, people),
        process_id=checkpoints.process_id,
        retention_days=settings.usage_retention_days,
        close_days=Closing(database).close_some,
        observers=[each for each in (_reply_lines(settings), figures, spans) if each],
        keeps_words=bool(spans and spans.masking),
        admission=budgets,
    )
    runner = ReplyRunner(max_concurrent=settings.max_concurrent_replies, calls=ledger)
    limits = ReplyLimits(
        first_token_seconds=settings.first_token_timeout_seconds,
        idle_seconds=settings.idle_timeout_seconds,
        reply_seconds=settings.reply_timeout_seconds,
    )
    conversations = CurrentConversations(
        stored=SqlConversations(database),
        temporary=MemoryConversations(),
        records=records,
        runner=runner,
        checkpoints=checkpoints,
    )
    answers = ReplyStarter(
        personas=addressed,
        conversations=conversations,
        records=records,
        replies=ReplyPlanner(providers, limits=limits, calls=ledger),
        runner=runner,
        checkpoints=checkpoints,
    )
    testing = testing_of(
        settings,
        suites,
        (addressed, revisions),
        replying=Replying(answers.replies, runner, providers),
        runner=runner,
        process_id=checkpoints.process_id,
    )
    checkpoints.start()
    ledger.start()
    budgets.settle = ledger.settle
    housekeeping = Housekeeping(
        [
            Chore(budgets.refresh, REFRESH_SECONDS),
            Chore(budgets.forget_old, CHORE_SECONDS),
            Chore(audit.forget_old, CHORE_SECONDS),
            *_expiry(database, settings.conversation_retention_days),
        ]
    )
    housekeeping.start()
    kept_responses = KeptResponses(database)
    kept_responses.start()
    model_names = ModelNames(providers, runner, configured=settings.providers)
    models = AvailableModels(providers, model_names, personas, default=settings.default_model)
    services = Services(
        settings,
        personas,
        revisions,
        labels,
        addressed,
        database,
        providers,
        runner,
        checkpoints,
        answers,
        model_names,
        Linter(providers, model_names),
        Gallery(OwnTemplates(database)),
        Drafter(answers.replies, runner, personas, providers, models=models),
        Completions(addressed, providers, runner, limits=limits, max_tokens=settings.longest_reply_tokens),
        kept_responses,
        ledger,
        people,
        models,
        PersonaDrafts(database, place=place_of(settings)),
        PersonaUndos(database, place=place_of(settings)),
        PersonaPictures(database),
        budgets,
        audit,
        Tokens(database),
        housekeeping,
        testing,
        PersonaAccesses(database),
        seen_people,
        RoleRules.of(settings),
        people_log_in(settings),
        figures,
    )
    # What was queued is sent later, by the rights that its owner has then.
    answers.when_done = lambda owner, conversation_id: services.of(owner).chat.send_queued(conversation_id)
    return services


def _role_of(seen_people: SeenPeople, owner: str) -> str:
    """The role that counts for budgets. Raises what the database raises."""
    seen = seen_people.last_known(owner) if owner.startswith("user:") else None
    return seen.person.role if seen else role_of_owner(owner)


def _expiry(database: Database, days: int | None) -> list[Chore]:
    if days is None:
        return []
    return [Chore(partial(each, database, days=days), CHORE_SECONDS) for each in (expire_comparisons, expire)]


def _reply_lines(settings: Settings) -> logs.ReplyLines | None:
    return logs.ReplyLines() if logs.is_configured(settings) or logs.is_written() else None


def _figures(settings: Settings, *, running: Callable[[], int]) -> CallFigures | None:
    if settings.metrics_token is None:
        return None
    from personachat.telemetry.prometheus import CallFigures  # noqa: PLC0415  # only where it is wanted

    return CallFigures(running=running)


_lock = threading.Lock()
_services: Services | None = None


def get_services() -> Services:
    """This process's services, built at the first call. Raises SettingsInvalid."""
    global _services  # noqa: PLW0603  # one process, one set of running replies
    with _lock:
        if _services is None:
            settings = load_settings()
            logs.configure(settings)
            _services = build_services(settings)
        return _services


def built_services() -> Services | None:
    """The same, if they have been built."""
    return _services


def reset_services() -> None:
    """Close this process's services; the next `get_services` builds them anew.

    It is done at the end of the process at the latest: where the pages are served alone, nobody else does it.
    """
    global _services
    with _lock:
        closing, _services = _services, None
        if closing is not None:
            closing.close()


atexit.register(reset_services)
