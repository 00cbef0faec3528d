"""What one owner can do: every part, bound to the owner and to their rights.

Pages, API, `/v1`, MCP and commands call a workspace and nothing below it. It shows only personas its person
may see. If the person may not edit, its parts refuse to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from personachat.accounts.administration import may_administer
from personachat.accounts.audit import Audit
from personachat.accounts.audited_personas import AuditedPersonas
from personachat.accounts.authorization import Authorization
from personachat.accounts.hidden_prompt import ShownPersonas
from personachat.accounts.permitted_personas import PermittedLabels, PermittedPersonas, PermittedRevisions
from personachat.accounts.person import Person, Role
from personachat.accounts.persona_rights import PersonaRights
from personachat.authoring.available_models import AvailableModels
from personachat.authoring.library import PersonaLibrary
from personachat.chat.branches import Branches
from personachat.chat.checkpoints import Checkpoints
from personachat.chat.completions import CompletionRequest, Completions, StartedCompletion
from personachat.chat.inspection import Inspection
from personachat.chat.service import ChatService
from personachat.chat.starter import ReplyStarter
from personachat.database.connection import Database
from personachat.history.library import ConversationLibrary
from personachat.insights.service import Insights
from personachat.lab.comparisons.service import Comparisons
from personachat.lab.comparisons.store import SqlComparisons
from personachat.lab.on_save import TestedPersonas
from personachat.lab.suites.following import SuiteTexts
from personachat.lab.testing import Testing, Tests
from personachat.owners import author_of
from personachat.personas.store.addressed import AddressedPersonas
from personachat.personas.store.assets import PersonaAssets
from personachat.personas.store.base import PersonaSource, PersonaStore, Revisions
from personachat.personas.store.favourites import Favourites
from personachat.personas.store.labels import Labels
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.read_only import ReadOnlyPersonas
from personachat.personas.store.shares import PersonaShares
from personachat.personas.templates.gallery import Gallery
from personachat.usage.ledger import Ledger
from personachat.usage.model import Surface
from personachat.usage.people import People
from personachat.usage.reading import UsageReader


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything one owner can do, each part bound to them."""

    owner: str
    chat: ChatService
    branches: Branches
    inspection: Inspection
    library: ConversationLibrary
    collection: PersonaLibrary
    personas: PersonaStore
    gallery: Gallery
    usage: UsageReader
    insights: Insights
    comparisons: Comparisons
    tests: Tests
    author: str
    """The name that others see on this owner's work."""

    person: Person
    rights: PersonaRights
    addressed: PersonaSource
    """Personas by the names that callers use: an id, an earlier id, or an id with a label."""
    revisions: Revisions
    labels: PermittedLabels
    completions: Completions
    may_edit: bool = True
    """Whether they may change shared personas. If not, every part here refuses to."""

    def complete(self, persona_id: str, ask: CompletionRequest, *, surface: Surface) -> StartedCompletion:
        """Start a completion for this owner; parameters and errors are those of `Completions.start`."""
        return self.completions.start(persona_id, ask, owner=self.owner, surface=surface)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspaces:
    """Builds any owner's workspace from the parts that all owners share."""

    personas: PersonaStore
    revisions: Revisions
    labels: Labels
    database: Database
    answers: ReplyStarter
    checkpoints: Checkpoints
    completions: Completions
    gallery: Gallery
    ledger: Ledger
    people: People
    models: AvailableModels
    pictures: PersonaPictures
    audit: Audit
    testing: Testing
    authorization: Authorization

    def of(self, person: Person, *, author: str, may_edit: bool, surface: Surface) -> Workspace:
        """A person's workspace; cheap to create. `surface` is where the request came from, for the ledger.

        `author` is the name that others see on their work; "" means the person's own name.
        """
        owner = person.key
        author = author or person.name or author_of(owner)
        may_edit = may_edit and person.role.includes(Role.EDITOR)
        rights = self.authorization.rights_of(person)
        trail = self.audit.trail(owner, name=author)
        permitted = PermittedPersonas(self.personas, rights)
        answering = self._answering(rights)
        tests = self.testing.of(
            owner, author=author, may_edit=may_edit, surface=surface, personas=answering, rights=rights
        )
        audited = TestedPersonas(AuditedPersonas(permitted, trail), tests.begin_saved_soon)
        personas = audited if may_edit else ReadOnlyPersonas(permitted)
        revisions = PermittedRevisions(self.revisions, rights)
        labels = PermittedLabels(self.labels, rights)
        settle = self.checkpoints.settle
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
            assets=PersonaAssets(self.database),
            rights=rights,
            trail=trail,
            tests=SuiteTexts(self.testing.suites),
        )
        usage = UsageReader(
            self.database,
            self.people,
            owner=owner,
            settle=self.ledger.settle,
            administers=may_administer(owner, role=self.authorization.stated_role(person)),
            open_votes=partial(SqlComparisons(self.database).open_votes, owner),
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
            ConversationLibrary(self.database, owner=owner, settle=settle, trail=trail),
            collection,
            personas,
            self.gallery.of_person(
                may_edit=may_edit,
                check_shareable=rights.refuse_unless_shareable,
                note=lambda action, template_id: trail.note(action, kind="template", target=template_id),
            ),
            usage,
            Insights(usage, self.people, owner=owner),
            Comparisons(
                self.answers,
                self.database,
                personas=answering,
                revisions=revisions,
                owner=owner,
                surface=surface,
                settle=settle,
                rights=rights,
                labels=labels,
            ),
            tests,
            author,
            person,
            rights,
            ShownPersonas(answering, rights),
            revisions,
            labels,
            self.completions.over(answering),
            may_edit,
        )

    def _answering(self, rights: PersonaRights) -> PersonaSource:
        """The personas that can answer somebody, with their full prompts, which only a model gets to see."""
        whole = PermittedPersonas(self.personas, rights, whole=True)
        numbered = PermittedRevisions(self.revisions, rights)
        return AddressedPersonas(whole, self.revisions, self.labels, numbered=numbered)
