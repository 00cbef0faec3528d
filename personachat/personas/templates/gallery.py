"""Every template there is, shipped and own, to be found, read and added to.

Shipped ones come first, cannot be changed and are there whatever becomes of the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from personachat.errors import TemplateNotFound
from personachat.personas.persona import Persona, dump_persona
from personachat.personas.search import SearchText, matching
from personachat.personas.spending import without_spending
from personachat.personas.store.own_templates import OwnTemplate, OwnTemplates
from personachat.personas.store.read_only import editing_not_allowed
from personachat.personas.templates.shipped import GROUPS, OWN_PREFIX, Template, shipped

__all__ = ["GROUPS", "OWN_GROUP", "Gallery", "Template", "matching_templates", "shipped"]

OWN_GROUP = "Own"
"""The group of people's own templates; the last one."""


class Gallery:
    """The shipped templates and the `own` ones of this installation."""

    def __init__(
        self,
        own: OwnTemplates,
        *,
        may_edit: bool = True,
        check_shareable: Callable[[str], None] = lambda _: None,
        note: Callable[[str, str], None] = lambda _action, _id: None,
    ) -> None:
        """Make the gallery of whoever may do what the two functions say.

        `check_shareable` raises for the id of a persona that may not be shown to everybody; `note` is told
        what was done to which template.
        """
        self._own = own
        self._may_edit = may_edit
        self._check_shareable = check_shareable
        self._note = note

    def of_person(
        self, *, may_edit: bool, check_shareable: Callable[[str], None], note: Callable[[str, str], None]
    ) -> Gallery:
        """The same for one person, who may not change what everybody has unless they may edit."""
        return Gallery(self._own, may_edit=may_edit, check_shareable=check_shareable, note=note)

    def all(self) -> tuple[Template, ...]:
        """By group and name. Raises DatabaseUnavailable and -Damaged, where `shipped()` still answers."""
        return (*shipped(), *(_as_template(each) for each in self._own.all()))

    def get(self, template_id: str) -> Template:
        """Raises TemplateNotFound; DatabaseUnavailable and -Damaged for an own one."""
        templates = self._own_ones() if template_id.startswith(OWN_PREFIX) else shipped()
        for template in templates:
            if template.id == template_id:
                return template
        raise _not_found(template_id)

    def save(self, persona: Persona, *, author: str) -> Template:
        """Keep a persona as an own template, in the place of the one that had its id.

        Everybody reads templates, so it takes the right to share the persona. Raises EditingNotAllowed,
        PersonaNotFound, DatabaseUnavailable and -Damaged.
        """
        self._require_editing()
        self._check_shareable(persona.id)
        harmless = persona.model_copy(update={"extensions": without_spending(persona.extensions)})
        return self._put(harmless, author=author, action="created")

    def put_back(self, template: Template, *, author: str) -> Template:
        """Keep a deleted one again. Raises EditingNotAllowed, DatabaseUnavailable and -Damaged."""
        self._require_editing()
        return self._put(template.persona, author=author, action="restored")

    def delete(self, template_id: str) -> Template:
        """Delete an own template and return it. Raises EditingNotAllowed, TemplateNotFound."""
        self._require_editing()
        if not template_id.startswith(OWN_PREFIX):
            self.get(template_id)
            raise TemplateNotFound(f"The template {template_id} came with PersonaChat and can't be deleted.")
        deleted = _as_template(self._own.delete(template_id.removeprefix(OWN_PREFIX)))
        self._note("deleted", deleted.id)
        return deleted

    def _put(self, persona: Persona, *, author: str, action: str) -> Template:
        template = _as_template(self._own.save(dump_persona(persona), author=author))
        self._note(action, template.id)
        return template

    def _require_editing(self) -> None:
        if not self._may_edit:
            raise editing_not_allowed()

    def _own_ones(self) -> tuple[Template, ...]:
        return tuple(_as_template(each) for each in self._own.all())


def matching_templates(templates: Iterable[Template], query: str) -> tuple[Template, ...]:
    """The templates with every word of the query in their name, purpose, group, description or tags."""
    return tuple(matching(templates, query, text=_searched))


def _searched(template: Template) -> SearchText:
    persona = template.persona
    return SearchText.about(
        persona.name, template.purpose, template.group, persona.description, *persona.tags
    )


def _as_template(own: OwnTemplate) -> Template:
    persona = own.persona
    purpose = " ".join(persona.description.split()) or "Saved as a template."
    return Template(f"{OWN_PREFIX}{persona.id}", OWN_GROUP, purpose, persona, own.text, own=True)


def _not_found(template_id: str) -> TemplateNotFound:
    return TemplateNotFound(
        f"There is no template {template_id[:80]}.", hint="List the templates to see their ids."
    )
