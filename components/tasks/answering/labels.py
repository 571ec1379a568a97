"""The answers in a row's field, and where each stands in its context."""

from __future__ import annotations

from components.tasks.base import Problem

SEPARATOR = "|"
"""Between the answers of a row, and between their places."""

_SHOWN = 60
"""Characters of an answer, or of a text, in a message."""


def broken_rule(label: str, context: str, starts_given: bool) -> Problem | None:
    """Why answers are none, and the remedy.

    Args:
        label: ANSWER|ANSWER, or with places START|START:ANSWER|ANSWER; not empty.
        context: where they have to stand.
        starts_given: whether there are places.
    """
    starts, answers = _parted(label, starts_given)
    if not all(answer.strip() for answer in answers):
        given = SEPARATOR.join(answers)
        return f"of the answers {given[:_SHOWN]!r} one is empty", f"Put one {SEPARATOR} between answers, none beside"
    if not starts_given:
        return next((found for one in answers if (found := _absent(one.strip(), context))), None)
    if len(starts) != len(answers):
        problem = f"{len(answers)} answer{'s' * (len(answers) != 1)} and {len(starts)} of data.start"
        return problem, f"Give each answer its place, with {SEPARATOR} between"
    return next((found for at in zip(starts, answers, strict=True) if (found := _misplaced(*at, context))), None)


def located(label: str, context: str, starts_given: bool) -> str:
    """START:ANSWER|START:ANSWER of a label that breaks no rule; arguments as of `broken_rule`."""
    starts, answers = _parted(label, starts_given)
    if not starts_given:
        answers = [answer.strip() for answer in answers]
        starts = [str(context.find(answer)) for answer in answers]
    placed = zip(starts, answers, strict=True)
    return SEPARATOR.join(f"{int(start)}:{answer}" for start, answer in placed)


def _parted(label: str, starts_given: bool) -> tuple[list[str], list[str]]:
    starts, _, answers = label.partition(":") if starts_given else ("", "", label)
    return starts.split(SEPARATOR), answers.split(SEPARATOR)


def _absent(answer: str, context: str) -> Problem | None:
    if answer in context:
        return None
    place = context.lower().find(answer.lower())
    near = f", {context[place : place + len(answer)][:_SHOWN]!r} is" if place >= 0 else ""
    remedy = "Copy it from the context letter by letter, or leave the field empty where the context has no answer"
    return f"the answer {answer[:_SHOWN]!r} is not in its context{near}", remedy


def _misplaced(start: str, answer: str, context: str) -> Problem | None:
    place = start.strip()
    if not (place.isascii() and place.isdecimal()) or len(place) > len(str(len(context))):
        remedy = "Give the number of the answer's first character in the context, from 0"
        return f"data.start is {start[:_SHOWN]!r} for the answer {answer[:_SHOWN]!r}", remedy
    if context.startswith(answer, int(place)):
        return None
    if missing := _absent(answer, context):
        return missing
    there = context[int(place) : int(place) + len(answer)]
    remedy = f"It stands at {context.find(answer)}: count characters from 0, not bytes"
    return f"the answer {answer[:_SHOWN]!r} is not at {place} in its context, {there[:_SHOWN]!r} is", remedy
