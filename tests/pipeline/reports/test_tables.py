import io

from pipeline.reports.tables import console, fact_lines, new_table

SHOWN = "[red]\x1b]0;title :smile: 李\u202e\x07\r"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_is_shown_is_neither_markup_nor_controls_a_terminal() -> None:
    table = new_table("version")
    table.add_row(SHOWN)
    for what in (SHOWN, table, fact_lines([("name", SHOWN)])):
        plain, terminal = io.StringIO(), Terminal()
        console(plain).print(what)
        console(terminal).print(what)
        for out in (plain.getvalue(), terminal.getvalue()):
            assert "[red]\\u001b]0;title :smile: 李\\u202e\\u0007\\u000d" in out
            assert "\x1b]" not in out
            assert "\u202e" not in out
