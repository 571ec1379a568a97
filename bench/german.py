"""German sentences from a seeded generator, of words of our own: another language for measures of drift."""

from __future__ import annotations

import random

_WORDS = {
    "wer": (
        "der Nachbar",
        "meine Schwester",
        "die Hauptdarstellerin",
        "unser Kollege",
        "das Publikum",
        "der Regisseur",
    ),
    "was": ("den Film", "die Geschichte", "das Gespräch", "die Bestellung", "den Wetterbericht", "die Rechnung"),
    "tut": ("erzählt", "versteht", "wiederholt", "beschreibt", "unterbricht", "überrascht"),
    "wie": ("hervorragend", "langweilig", "ungewöhnlich", "mühsam", "erstaunlich ruhig", "viel zu spät"),
    "wann": ("heute Abend", "am Donnerstag", "im vergangenen Jahr", "seit gestern", "nach dem Frühstück", "selten"),
    "wo": ("im Kino", "auf der Straße", "in der Küche", "am Bahnhof", "zwischen den Häusern", "bei uns zu Hause"),
}

_SENTENCES = (
    "{wann} {tut} {wer} {was} {wie}, und niemand weiß genau, warum.",
    "{wer} ist {wo} {wie}, aber {was} habe ich noch nicht gesehen.",
    "Könntest du mir bitte {wann} {was} {wo} zeigen?",
    "Ich finde {was} {wie}; trotzdem bleibt {wer} {wann} {wo}.",
    "Wenn {wer} {wo} wartet, dann {tut} man {was} lieber {wann}.",
    "Es gibt {wo} nichts, was {wer} {wann} nicht schon {wie} gemacht hätte.",
    "Obwohl {wer} {was} {wann} bezahlen wollte, war das Geschäft geschlossen.",
    "{was} kann man {wie} nennen, die Schauspieler überzeugen {wann} dennoch.",
)


def german(rows: int, seed: int = 0) -> list[str]:
    """So many texts of one or two sentences, the same ones for a seed."""
    draws = random.Random(seed)  # noqa: S311

    def sentence() -> str:
        filled = draws.choice(_SENTENCES).format(**{slot: draws.choice(words) for slot, words in _WORDS.items()})
        return filled[0].upper() + filled[1:]

    return [" ".join(sentence() for _ in range(draws.choice((1, 1, 2)))) for _ in range(rows)]
