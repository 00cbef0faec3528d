"""Problems with the parameters in a persona's extensions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from personachat.authoring.linting.findings import Remark, Subject
from personachat.authoring.linting.fixes import left_out
from personachat.providers import parameters

_PLACE = ("extensions", parameters.PARAMETERS)


def remarks(subject: Subject) -> Iterator[Remark]:
    """Parameters that aren't sent, and those that no known server accepts."""
    extensions = subject.persona.extensions
    if parameters.PARAMETERS not in extensions:
        return
    values = extensions[parameters.PARAMETERS]
    if not isinstance(values, Mapping):
        message = 'These parameters have no effect: they must be an object, such as {"top_k": 40}.'
        yield Remark("parameters-unusable", "warning", message, _PLACE, fix=left_out(_PLACE))
        return
    for name in values:
        if fault := parameters.fault_of(name):
            message = f"{name} {fault}: it is not sent."
            path = (*_PLACE, name)
            yield Remark("parameter-not-sent", "warning", message, path, fix=left_out(path))
        elif not parameters.is_known(name):
            near = get_close_matches(name, parameters.known_names(), n=1, cutoff=0.8)
            advice = f"did you mean {near[0]}?" if near else "check that the model's server supports it."
            message = f"{name} is not a known parameter: {advice}"
            yield Remark("parameter-unknown", "info", message, (*_PLACE, name))
