"""Templates and data that want too much: each ends with a named error, and none has used much memory.

What the language does not have is refused when templates are read; the rest within its budget, when they are rendered.
"""

import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from sagamore.actors.notifications.channel import CannotSend
from sagamore.actors.notifications.templates import Templates
from sagamore.engine.errors import InvalidInput
from tests.notifications.templates.kit import SMALL, SMS, failure, folder

MEMORY_BYTES_MAX = 12 << 20  # of a rendering: ten times its budget of text
MANY: dict[str, Any] = {"many": list(range(2_000)), "big": "x" * 60_000, "rows": [{"a": "y" * 500}] * 1_000}
DOUBLE = "{% set x = x ~ x %}" * 40


@pytest.mark.parametrize(
    "text",
    [
        "{{ 2 ** 100000000 }}",
        "{{ ''.__class__.__mro__ }}{{ [].append(1) }}",
        "{{ 'x'.join(['a']) }}",
        "{% for i in range(1000000000) %}x{% endfor %}",
        "{% for i in many recursive %}{{ loop(many) }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set x %}{{ big }}{{ big }}{% endset %}",
        "{% filter upper %}{{ big }}{% endfilter %}",
        "{% set x = namespace(a=1) %}",
        "{% set x = [many, many] %}{% set x = [x, x] %}",
        "{% set x = {'a': many} %}",
        "{{ (many, many) }}",
        "{{ big[::2] }}",
        "{{ many[1:] }}",
        "{{ 1 < 2 < 3 }}",
        "{{ 99999999999999999999 }}",
        "{% autoescape false %}{{ big }}{% endautoescape %}",
        "{% with x = 1 %}{% endwith %}",
        "{% block b %}{% endblock %}",
        "{% extends 'T/en/sms.text.txt' %}",
        "{% import '_shared/a.txt' as a %}",
        "{% from '_shared/a.txt' import a %}",
        "{% include big %}",
        "{% include '/etc/passwd' %}",
        "{% include '_shared/../../secret.txt' %}",
        "{% include ['_shared/a.txt', '_shared/b.txt'] %}",
        "{% include '_shared/a.txt' ignore missing %}",
        "{% include '_shared/a.txt' without context %}",
        "{{ big|upper(*many) }}",
        "{{ big|upper(**many) }}",
        "{% call m() %}{% endcall %}",
        "\0",
        *(
            f"{{{{ big|{name} }}}}"
            for name in (
                "safe", "attr('__class__')", "center(1000000000)", "indent(1000000000)", "wordwrap(1)", "format(1)",
                "map('upper')", "select", "batch(1)", "groupby('a')", "slice(3)", "list", "random", "pprint", "tojson",
                "xmlattr", "urlize", "striptags", "filesizeformat", "string", "unique", "escape", "e", "forceescape",
            )
        ),
        *(f"{{{{ 1 if big is {name} }}}}" for name in ("filter", "test", "callable", "sameas(1)", "escaped")),
        "{% if 0 %}{{ big|safe }}{% endif %}",
        "{% if 0 %}{{ 1 if big is callable }}{% endif %}",
    ],
)  # fmt: skip
def test_what_the_language_does_not_have_is_refused_when_it_is_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput, match=r"T/en/sms\.text\.txt:2 is "):
        Templates([folder(tmp_path, **{"T/en/sms.text.txt": "\n" + text, "_shared/a.txt": ""})])


@pytest.mark.parametrize(
    "text",
    [
        "{{ " + "(" * 30_000 + "1" + ")" * 30_000 + " }}",
        "{{ " + "not " * 15_000 + "1 }}",
        "{{ 1" + " + 1" * 15_000 + " }}",
        "{{ a" + ".b" * 30_000 + " }}",
        "{{ a" + "|lower" * 10_000 + " }}",
        "{{ " + "[" * 30_000 + "]" * 30_000 + " }}",
        "{% for i in m %}" * 1_500 + "{% endfor %}" * 1_500,
        "{% if 1 %}" * 2_000 + "{% endif %}" * 2_000,
        "{{ " + "9" * 5_000 + " }}",
    ],
    ids=lambda text: text[:20],
)
def test_nesting_and_numbers_beyond_what_python_compiles_are_refused(tmp_path: Path, text: str) -> None:
    try:
        templates = Templates([folder(tmp_path, **{"T/en/sms.text.txt": text})])
    except InvalidInput as error:
        assert "sms.text.txt" in str(error)
    else:
        with pytest.raises(CannotSend):
            templates.render("T", SMS, "en", {}, user_id="ann")


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in many %}{% for b in many %}{% endfor %}{% endfor %}",
        "{% for a in many %}{% for b in many %}{% for c in many %}{{ c }}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in many if a %}{% for b in many if b %}{% endfor %}{% endfor %}",
        "{% for a in many %}" + "{% if a %}{% endif %}" * 2_000 + "{% endfor %}",
        "{% for a in many %}" + "{{ '' }}" * 2_000 + "{% endfor %}",
        "{% for a in many %}{% include '_shared/wide.txt' %}{% endfor %}",
        "{% for a in many %}{{ 'x' if a in many }}{% endfor %}",
        "{% for a in many %}{{ many|sort|first }}{% endfor %}",
        "{% for a in many %}{{ many|sum }}{% endfor %}",
        "{% for a in many %}{{ many|reverse|last }}{% endfor %}",
        "{% for a in many %}{{ many|join }}{% endfor %}",
        "{% for a in many %}{{ big }}{% endfor %}",
        "{% for a in many %}" + "literal " * 5_000 + "{% endfor %}",
        "{% for a in many %}{{ 1 if big|upper == big }}{% endfor %}",
        "{% for a in many %}{{ 1 if big == big }}{% endfor %}",
        "{% for a in many %}{{ 1 if 'y' in big }}{% endfor %}",
        "{% for a in many %}{% set y = big ~ a %}{% endfor %}",
        "{% for a in many %}{% set y = big|length %}{% endfor %}",
        "{% for a in rows %}{{ rows|join(attribute='a') }}{% endfor %}",
        "{% for a in rows %}{{ 1 if rows|sort(attribute='a') }}{% endfor %}",
        "{% set x = big %}" + DOUBLE,
        "{% set x = 'x' %}" + DOUBLE + "{{ x }}",
        "{{ many|join(big) }}",
        "{{ big|replace('x', big) }}",
        "{{ big|replace('', big) }}",
        "{% set x = '%%' ~ big %}" + "{% set x = x|urlencode %}{% set x = x ~ x %}" * 20,
        "{% include '_shared/bomb0.txt' %}",
        "{{ big }}{{ big }}{{ big }}",
        "{{ quotes }}",
    ],
)
def test_more_than_the_budget_is_not_rendered(tmp_path: Path, text: str) -> None:
    shared = {f"_shared/bomb{n}.txt": f"{{% include '_shared/bomb{n + 1}.txt' %}}" * 100 for n in range(8)}
    shared |= {"_shared/bomb8.txt": "x", "_shared/wide.txt": "{% if a %}{% endif %}" * 2_000}
    templates = Templates([folder(tmp_path, **{"T/en/sms.text.txt": text}, **shared)])
    data = MANY | {"quotes": '"' * 70_000}
    tracemalloc.start()
    try:
        with pytest.raises(CannotSend, match=r"^template_budget: "):
            templates.render("T", SMS, "en", data, user_id="ann")
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < MEMORY_BYTES_MAX


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 1000000000 }}",
        "{{ big * 1000000000 }}",
        "{{ many * 1000000000 }}",
        "{{ many + many }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%s' % many }}",
        "{{ 9223372036854775807 * 9223372036854775807 }}",
        "{{ 1 / 0 }}",
        "{{ 5 // 0 }}",
        "{{ -big }}",
        "{{ 1.5|round(1000000000) }}",
        "{{ 15|round(-1000000000) }}",
        "{{ big|truncate(many) }}",
        "{{ rows|join(attribute=many) }}",
        "{{ rows|sort(attribute='none')|length }}",
        "{{ many }}",
        "{{ rows[0] }}",
        "{{ none }}",
        "{{ true }}",
        "{{ self }}",
        "{{ many ~ 'x' }}",
        "{{ 1 if many == many }}",
        "{{ 1 if 1 < 'a' }}",
        "{{ big|first }}",
        "{{ big|items }}",
        "{{ '\\x00' }}",
        "{{ '\\ud800' }}",
        "{% for c in big %}{% endfor %}",
        "{% for a in many %}{{ loop }}{% endfor %}",
        "{% for a, b in many %}{% endfor %}",
        "{% for a in loop %}{% endfor %}",
    ],
)
def test_what_makes_no_sense_fails_with_the_line(tmp_path: Path, text: str) -> None:
    error = failure(tmp_path, "first\n" + text, MANY)
    assert error.code in ("template_failed", "missing_variable")
    if "\\" not in text:
        assert "T/en/sms.text.txt:2: " in error.message
    assert len(error.message) <= 500


@pytest.mark.parametrize("name", ["append", "__class__", "keys", "upper", "items", "_x", "format"])
@pytest.mark.parametrize("value", ["many", "big", "rows[0]", "1", "user_id"])
def test_no_attribute_of_a_python_object_is_in_reach(tmp_path: Path, value: str, name: str) -> None:
    for access in (f"({value}).{name}", f"({value})['{name}']"):
        assert failure(tmp_path, f"{{{{ {access} }}}}", MANY).code == "missing_variable"


@pytest.mark.parametrize("name", ["changed", "cycle", "_iterable", "__class__", "depth"])
def test_of_a_loop_only_plain_facts_are_in_reach(tmp_path: Path, name: str) -> None:
    assert (
        failure(tmp_path, f"{{% for a in many %}}{{{{ loop.{name} }}}}{{% endfor %}}", MANY).code == "missing_variable"
    )


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", Path(), 1 + 2j, [object()], {"a": {"b": print}}])
def test_data_that_is_no_json_does_not_reach_a_template(tmp_path: Path, value: object) -> None:
    error = failure(tmp_path, "nothing", {"field": value})
    assert error.code == "template_failed"
    assert "field has a" in error.message


def test_data_that_goes_round_or_too_deep_fails(tmp_path: Path) -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert failure(tmp_path, "nothing", {"ring": ring}).code == "template_failed"


def test_the_budget_is_of_all_parts_of_a_message(tmp_path: Path) -> None:
    part = "x" * 400
    files = {f"T/en/inbox.{name}.txt": part for name in ("title", "body")}
    templates = Templates([folder(tmp_path, **files)], budget=SMALL)
    assert len(templates.preview("T", "inbox", "", {}, user_id="ann").parts) == 2
    folder(tmp_path, **{"T/en/inbox.title.txt": part * 2})
    with pytest.raises(CannotSend, match=r"template_budget: 1,\d\d\d bytes of parts; at most 1,000"):
        Templates([tmp_path], budget=SMALL).preview("T", "inbox", "", {}, user_id="ann")


def test_what_one_rendering_spent_the_next_has(tmp_path: Path) -> None:
    templates = Templates([folder(tmp_path, **{"T/en/sms.text.txt": "x" * 900})], budget=SMALL)
    for _ in range(20):
        templates.render("T", SMS, "en", {}, user_id="ann")
