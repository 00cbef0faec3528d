"""Builds every part from the settings and passes each one the parts it needs. Nothing else happens here."""

from __future__ import annotations

from functools import partial

from personachat.accounts.administration import role_of_owner
from personachat.accounts.audit import Audit
from personachat.accounts.authorization import Authorization
from personachat.accounts.budgets import Budgets
from personachat.accounts.housekeeping import Housekeeping
from personachat.accounts.people import SeenPeople
from personachat.accounts.person_pictures import PersonPictures
from personachat.accounts.persona_access import PersonaAccesses
from personachat.accounts.reach import PersonasInReach, RevisionsInReach
from personachat.accounts.roles import RoleRules
from personachat.accounts.tokens import Tokens
from personachat.authoring.available_models import AvailableModels
from personachat.authoring.drafting import Drafter
from personachat.authoring.linting import Linter
from personachat.authoring.opening import FOLLOWING
from personachat.chat.checkpoints import Checkpoints
from personachat.chat.completions import Completions
from personachat.chat.live_conversations import CurrentConversations
from personachat.chat.starter import ReplyStarter
from personachat.conversations.memory import MemoryConversations
from personachat.conversations.reply_records import SqlReplies
from personachat.conversations.responses import KeptResponses
from personachat.conversations.sql import SqlConversations
from personachat.database.connection import Database
from personachat.lab.comparisons.store import SqlComparisons
from personachat.lab.runs.replying import Replying
from personachat.lab.suites.following import Following
from personachat.lab.suites.store import SuiteStore
from personachat.lab.testing import testing_of
from personachat.personas.store.addressed import AddressedPersonas
from personachat.personas.store.changes import change_mark
from personachat.personas.store.drafts import PersonaDrafts
from personachat.personas.store.labels import Labels
from personachat.personas.store.own_templates import OwnTemplates
from personachat.personas.store.pictures import PersonaPictures
from personachat.personas.store.revisions import place_of
from personachat.personas.store.seeding import open_store
from personachat.personas.store.undos import PersonaUndos
from personachat.personas.templates.gallery import Gallery
from personachat.providers.catalogue import ModelNames
from personachat.providers.registry import ProviderRegistry
from personachat.replies.engine import ReplyLimits
from personachat.replies.planner import ReplyPlanner
from personachat.replies.runner import ReplyRunner
from personachat.services.metering import call_figures, ledger_of
from personachat.services.parts import Services
from personachat.services.upkeep import chores
from personachat.services.workspace import Workspaces
from personachat.settings import Settings
from personachat.usage import pricing
from personachat.usage.closing import Closing
from personachat.usage.people import People
from personachat.usage.records import SqlUsage


def build_services(settings: Settings) -> Services:
    """Build the parts. The database is opened when it is first needed."""
    database = Database.of(settings)
    suites = SuiteStore.of(settings, database)
    along = Following(suites, settings.personas_dir)
    store, every_revision = open_store(settings, database, moves=(*FOLLOWING, along.move), begun=along.begin)
    personas = PersonasInReach(along.around(store, every_revision))
    revisions = RevisionsInReach(every_revision)
    labels = Labels(database, place=place_of(settings))
    addressed = AddressedPersonas(personas, revisions, labels)
    records = SqlReplies(database)
    providers = ProviderRegistry(settings)
    checkpoints = Checkpoints(records)
    people = People(database)
    seen_people = SeenPeople(database)
    audit = Audit(database, retention_days=settings.audit_retention_days)
    role_of = partial(_role_of, seen_people, RoleRules.of(settings))
    budgets = Budgets(database, people, settings=settings, role_of=role_of)
    figures = call_figures(settings, running=lambda: runner.running)
    ledger = ledger_of(
        settings,
        SqlUsage(database, people),
        process_id=checkpoints.process_id,
        close_days=Closing(database).close_some,
        budgets=budgets,
        figures=figures,
    )
    runner = ReplyRunner(max_concurrent=settings.max_concurrent_replies, calls=ledger)
    limits = ReplyLimits(
        first_token_seconds=settings.first_token_timeout_seconds,
        idle_seconds=settings.idle_timeout_seconds,
        reply_seconds=settings.reply_timeout_seconds,
    )
    current = CurrentConversations(
        store=SqlConversations(database),
        temporary=MemoryConversations(),
        records=records,
        runner=runner,
        checkpoints=checkpoints,
    )
    answers = ReplyStarter(
        personas=addressed,
        conversations=current,
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
        everybody=personas.all,
    )
    pricing.assume(settings.unknown_price if isinstance(settings.unknown_price, float) else None)
    checkpoints.start()
    ledger.start()
    budgets.settle, budgets.open_votes = ledger.settle, SqlComparisons(database).open_votes
    housekeeping = Housekeeping(
        chores(
            database,
            budgets,
            audit,
            personas,
            testing,
            retention_days=settings.conversation_retention_days,
        )
    )
    housekeeping.start()
    kept_responses = KeptResponses(database)
    kept_responses.start()
    model_names = ModelNames(providers, runner, configured=settings.providers)
    models = AvailableModels(providers, model_names, personas, default=settings.default_model)
    gallery = Gallery(OwnTemplates(database))
    completions = Completions(
        addressed, providers, runner, limits=limits, max_tokens=settings.longest_reply_tokens
    )
    pictures = PersonaPictures(database)
    accesses = PersonaAccesses(database)
    person_pictures = PersonPictures(database, is_on=settings.profile_pictures)
    authorization = Authorization(settings, seen_people, accesses, person_pictures)
    workspaces = Workspaces(
        personas=personas,
        revisions=revisions,
        labels=labels,
        database=database,
        answers=answers,
        checkpoints=checkpoints,
        completions=completions,
        gallery=gallery,
        ledger=ledger,
        people=people,
        models=models,
        pictures=pictures,
        audit=audit,
        testing=testing,
        authorization=authorization,
    )
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
        gallery,
        Drafter(answers.replies, runner, personas, providers, models=models),
        completions,
        kept_responses,
        ledger,
        people,
        models,
        PersonaDrafts(database, place=place_of(settings)),
        PersonaUndos(database, place=place_of(settings)),
        pictures,
        budgets,
        audit,
        Tokens(database),
        housekeeping,
        testing,
        accesses,
        seen_people,
        person_pictures,
        authorization,
        workspaces,
        change_mark(settings, database),
        figures,
    )
    # Queued messages are sent later, with the rights their owner has then.
    answers.when_done = lambda owner, conversation_id: services.of(owner).chat.send_queued(conversation_id)
    return services


def _role_of(seen_people: SeenPeople, rules: RoleRules, owner: str) -> str:
    """The role whose budgets apply to this owner. Raises what the database raises."""
    seen = seen_people.latest(owner) if owner.startswith("user:") else None
    return (rules.still(seen.person) or seen.person).role if seen else role_of_owner(owner)
