"""Every part of one process. `Services.of` returns one owner's workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from personachat.accounts.administrator import Administrator
from personachat.accounts.admitted_tokens import AdmittedTokens
from personachat.accounts.audit import Audit
from personachat.accounts.authorization import Authorization
from personachat.accounts.budgets import Budgets
from personachat.accounts.housekeeping import Housekeeping
from personachat.accounts.identity import Identity
from personachat.accounts.known_people import KnownPeople
from personachat.accounts.own_tokens import OwnTokens
from personachat.accounts.people import SeenPeople
from personachat.accounts.person import Person
from personachat.accounts.person_pictures import PersonPictures
from personachat.accounts.persona_access import PersonaAccesses
from personachat.accounts.persona_rights import PersonaRights
from personachat.accounts.settings_in_force import note_changes
from personachat.accounts.token_issuing import TokenIssuing
from personachat.accounts.tokens import Tokens
from personachat.authoring.available_models import AvailableModels
from personachat.authoring.drafting import Drafter
from personachat.authoring.linting import Linter
from personachat.chat.checkpoints import Checkpoints
from personachat.chat.completions import Completions
from personachat.chat.service import ChatService
from personachat.chat.starter import ReplyStarter
from personachat.chat.tryout import trying_out
from personachat.conversations.responses import KeptResponses
from personachat.database.connection import Database
from personachat.errors import NoModelAvailable, ProviderError
from personachat.history import moving
from personachat.history.changes import Change, changed_since
from personachat.history.person_data import PersonData
from personachat.history.sharing import Shared, SharedConversations
from personachat.lab.comparisons.changes import ComparisonMark, comparison_mark
from personachat.lab.comparisons.seen import SeenComparison
from personachat.lab.comparisons.store import SqlComparisons
from personachat.lab.results import SharedResults
from personachat.lab.testing import Testing
from personachat.personas.store.addressed import AddressedPersonas
from personachat.personas.store.base import PersonaStore, Revisions
from personachat.personas.store.changes import ChangeMark
from personachat.personas.store.drafts import PersonaDrafts
from personachat.personas.store.labels import Labels
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.undos import PersonaUndos
from personachat.personas.templates.gallery import Gallery
from personachat.providers import trying
from personachat.providers.catalogue import ModelNames
from personachat.providers.registry import ProviderRegistry
from personachat.replies.runner import ReplyRunner
from personachat.services.upkeep import tidy_up
from personachat.services.workspace import Workspace, Workspaces
from personachat.settings import Settings
from personachat.usage import pricing
from personachat.usage.ledger import Ledger
from personachat.usage.model import Surface
from personachat.usage.people import People

if TYPE_CHECKING:
    from personachat.telemetry.prometheus import CallFigures


@dataclass(frozen=True, slots=True)
class Services:
    """The parts, ready to use."""

    settings: Settings
    personas: PersonaStore
    revisions: Revisions
    labels: Labels
    addressed: AddressedPersonas
    """Personas by the names that callers use: an id, an earlier id, or an id with a label."""
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
    person_pictures: PersonPictures
    authorization: Authorization
    workspaces: Workspaces
    persona_change: ChangeMark
    figures: CallFigures | None = None
    """The metrics that /metrics reports; None if it is off."""

    @property
    def accounts(self) -> bool:
        """Whether people log in here. If so, they own what they create, and their role applies."""
        return self.authorization.people_log_in

    def admit(self, identity: Identity) -> Person:
        """The person a login or a proxy names, with their role.

        Raises LoginNeeded if they are refused or their login has ended, and what the database raises if it
        can't be asked.
        """
        return self.authorization.admit(identity)

    def person_of(self, owner: str, *, may_edit: bool = True) -> Person:
        """What is known about an owner who isn't logged in right now. Raises what the database raises."""
        return self.authorization.person_of(owner, may_edit=may_edit)

    def rights_of(self, person: Person) -> PersonaRights:
        """What each person may do with each persona."""
        return self.authorization.rights_of(person)

    def of(
        self,
        owner: str,
        *,
        person: Person | None = None,
        author: str = "",
        may_edit: bool = True,
        surface: Surface = "page",
    ) -> Workspace:
        """One owner's workspace; cheap to create. `surface` is where the request came from, for the ledger.

        `author` is the name others see on their work. `person` is who they are. Without it they are looked
        up, which raises what the database raises.
        """
        person = self.authorization.within_token(person or self.person_of(owner, may_edit=may_edit))
        assert person.key == owner, "a person works on what is theirs"
        return self.workspaces.of(person, author=author, may_edit=may_edit, surface=surface)

    def administrator(self, owner: str, *, person: Person | None = None) -> Administrator:
        """What an administrator can do. Raises AdministrationNotAllowed for anyone else.

        `person` is who they are; without it, they are looked up.
        """
        person = self.authorization.within_token(person or self.person_of(owner))
        return Administrator(
            self.budgets,
            self.audit,
            self.tokens,
            KnownPeople(self.database),
            PersonData(
                self.database,
                data_dir=self.settings.data_dir,
                stop=self._let_go_of,
                awaiting_votes=SqlComparisons(self.database).awaiting_votes,
            ),
            owner=owner,
            persona_ids=lambda: [each.id for each in self.personas.all()],
            role=self.authorization.stated_role(person),
            name=person.name,
        )

    def own_tokens(self, owner: str, *, person: Person | None = None) -> OwnTokens:
        """What people can do with their own API tokens.

        Parameters and errors are those of `administrator`.
        """
        person = self.authorization.within_token(person or self.person_of(owner))
        trail = self.audit.trail(owner, name=person.name)
        issuing = TokenIssuing(
            self.tokens,
            self.budgets,
            trail,
            persona_ids=lambda: [each.id for each in self.of(owner, person=person).personas.all()],
        )
        return OwnTokens(issuing, person)

    @property
    def admitted_tokens(self) -> AdmittedTokens:
        """The API tokens of everyone who may log in."""
        return AdmittedTokens(self.tokens, is_refused=self.authorization.is_refused)

    def left_behind(self, owner: str) -> moving.LeftBehind:
        """What the owner of a browser has that a login could take over."""
        return moving.left_behind(self.database, owner)

    def take_along(self, before: str, now: str) -> None:
        """Move what a browser has to the person who logged in there."""
        assert before.startswith("browser:"), "nobody's account is moved"
        moving.move_all(self.database, before=before, now=now)

    def _let_go_of(self, owner: str) -> None:
        self.person_pictures.forget(owner)
        self.runner.forget_all_of(owner)
        self.answers.conversations.temporary.forget_all_of(owner)
        self.checkpoints.settle()

    def trying_out(
        self, text: str, *, owner: str, variables: Mapping[str, str] = MappingProxyType({})
    ) -> ChatService:
        """Chats with a persona's draft; see `personachat.chat.tryout`. Raises PersonaInvalid."""
        return trying_out(self.answers, text, owner=owner, variables=variables)

    def shared_conversation(self, token: str) -> Shared:
        """The conversation behind a shared link. Raises ShareNotFound."""
        return SharedConversations(self.database).read(token)

    def shared_comparison(self, token: str) -> SeenComparison:
        """The comparison behind a shared link. Raises ShareNotFound."""
        owner, comparison_id = SqlComparisons(self.database).shared(token)
        return self.of(owner).comparisons.seen(comparison_id)

    def shared_results(self, token: str) -> SharedResults:
        """The test run behind a shared link. Raises ShareNotFound."""
        owner, run_id = self.testing.records.shared(token)
        return self.of(owner).tests.results.shared(run_id)

    def changed_since(
        self, moment: datetime, *, drafts: bool
    ) -> tuple[tuple[Change, ...], tuple[tuple[str, str, datetime], ...]]:
        """Conversations that changed at `moment` or later, whoever changed them.

        With `drafts`, drafts of personas too.
        """
        with self.database.read() as connection:
            changed = self.drafts.changed_since(connection, moment) if drafts else ()
            return changed_since(connection, moment), tuple(changed)

    def comparison_mark(self, owner: str, comparison_id: str) -> ComparisonMark:
        """What differs as soon as the comparison looks different."""
        with self.database.read() as connection:
            return comparison_mark(connection, owner, comparison_id)

    def provider_names(self) -> tuple[str, ...]:
        return self.providers.names

    def try_provider(self, name: str) -> int:
        """Request a provider's list of models, with its key; returns how many. Raises ProviderError."""
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
        """Raises NoModelAvailable if there is neither a provider nor a local model. Sends no request."""
        try:
            self.models.answering("")
        except NoModelAvailable:
            raise
        except ProviderError:
            return  # some personas get an answer

    def warm_up(self) -> None:
        """Prepare what the first reply would wait for and tidy up the database; takes seconds.

        Raises TimeoutError if the providers take more than a minute, DatabaseUnavailable and DatabaseDamaged.
        """
        self.runner.ask(self.providers.warm_up(), timeout_seconds=60)
        pricing.warm_up()
        note_changes(self.audit, self.settings)
        tidy_up(self.database, self.personas, self.kept_responses)

    def close(self) -> None:
        """End every live reply and record its end, then close the providers and their loop. Runs once."""
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
