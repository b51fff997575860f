"""What a template makes of data, which one is taken, and what is told when there is none or something is missing."""

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sagamore.actors.notifications.channel import CannotSend
from sagamore.actors.notifications.templates import Templates
from sagamore.engine.errors import InvalidInput
from tests.notifications.templates.kit import CHAT, EMAIL, SMS, WEBHOOK, failure, folder, parts_of, rendered

ORDER = {
    "order": {"id": "ord_1", "lines": [{"name": "mug", "n": 2}, {"name": "Cup", "n": 1}]},
    "total": 12.5,
    "gift": None,
}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello {{ user_id }}\n", "Hello ann"),
        ("two\n\n", "two\n"),
        ("a\r\nb\r\n", "a\nb"),
        ("\ufeffno mark", "no mark"),
        ("{% if true %}\nx\n{% endif %}\ny", "x\ny"),
        ("{{ order.id }} {{ order['id'] }} {{ order.lines[1].name }} {{ total }}", "ord_1 ord_1 Cup 12.5"),
        ("{% for x in order.lines %}{{ loop.index }}/{{ loop.length }} {{ x.name }};{% endfor %}", "1/2 mug;2/2 Cup;"),
        ("{% for line in order.lines if line.n > 1 %}{{ line.name }}{% else %}none{% endfor %}", "mug"),
        ("{% for name, value in order.lines[0]|items %}{{ name }}={{ value }} {% endfor %}", "name=mug n=2 "),
        ("{% for n in [1, 2] %}{% for m in ['a'] %}{{ n }}{{ m }}{% endfor %}{% endfor %}", "1a2a"),
        ("{% for n in [] %}x{% else %}nothing{% endfor %}", "nothing"),
        ("{{ order.lines|join(', ', attribute='name') }}", "mug, Cup"),
        ("{{ order.lines|sort(attribute='name')|join(attribute='name') }}", "Cupmug"),
        ("{{ order.lines|sort(attribute='n', reverse=true)|join(attribute='n') }}", "21"),
        ("{{ order.lines|sum(attribute='n') }} {{ order.lines|length }} {{ order|length }}", "3 2 2"),
        ("{% set l = order.lines %}{{ (l|first).name }} {{ (l|last).name }} {{ (l|reverse|first).n }}", "mug Cup 1"),
        ("{{ 'aBc'|upper }}{{ 'aBc'|lower }}{{ 'aBc'|capitalize }}{{ ' x '|trim }}", "ABCabcAbcx"),
        ("{{ 'abcdef'|truncate(4) }} {{ 'abc'|truncate(4) }} {{ 'abcdef'|truncate(4, '') }}", "abc… abc abcd"),
        ("{{ 'a-b-c'|replace('-', '+') }} {{ 'a b&ü'|urlencode }}", "a+b+c a+b%26%C3%BC"),
        ("{{ 2.345|round(2) }} {{ 7|round }}", "2.35 7.0"),
        ("{{ gift|default('none') }} {{ none_such|default('—') }} {{ ''|default('empty', true) }}", "none — empty"),
        ("{{ 'yes' if gift is defined else 'no' }}{{ 'yes' if gone is undefined else 'no' }}", "yesyes"),
        ("{{ 'even' if 2 is even else '' }}{{ 'odd' if 3 is odd else '' }}", "evenodd"),
        ("{{ 1 + 2 * 3 - 4 // 3 - 5 % 3 }} {{ -total }} {{ 7 / 2 }}", "4 -12.5 3.5"),
        ("{{ order.id ~ '/' ~ 7 }}", "ord_1/7"),
        ("{% set x = {'A': 'one'} %}{{ x['A'] if 'A' in x and 'B' not in x else '' }}", "one"),
        ("{{ 'b' if 2 >= 1 and not 1 > 2 and 1 != 2 and 'x' == 'x' or false else 'c' }}", "b"),
        ("[{{ 'a' if false }}{{ ('a' if false)|default('b') }}]", "[]"),
        ("{# said to nobody #}{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("<b>&{{ '<' }}", "<b>&<"),
    ],
)  # fmt: skip
def test_the_language(tmp_path: Path, text: str, shown: str) -> None:
    assert rendered(tmp_path, text, ORDER) == shown


def test_values_are_escaped_in_html_and_not_in_text(tmp_path: Path) -> None:
    text = "<p>{{ a }} {{ a ~ '<i>' }} {{ '<b>' }} {{ a|upper }} {{ [a]|first if false else a|replace('&', '<') }}</p>"
    text = text.replace("[a]", "['']")
    files = {
        "T/en/email.subject.txt": "{{ a }}", "T/en/email.text.txt": text,
        "T/en/email.html": text + '{% set b = a %}{% include "_shared/x.html" %}', "_shared/x.html": "<hr>{{ b }}",
    }  # fmt: skip
    templates = Templates([folder(tmp_path, **files)])
    parts = parts_of(templates.render("T", EMAIL, "en", {"a": "\"<&'"}, user_id="ann"))
    assert parts["subject"] == "\"<&'"
    assert parts["text"] == "<p>\"<&' \"<&'<i> <b> \"<&' \"<<'</p>"
    quoted = "&#34;&lt;&amp;&#39;"
    assert parts["html"] == (f"<p>{quoted} {quoted}&lt;i&gt; &lt;b&gt; {quoted} &#34;&lt;&lt;&#39;</p><hr>{quoted}")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{{ gone }}", "gone"),
        ("{{ order.gone }}", "gone"),
        ("{{ order.gone.more }}", "gone"),
        ("{{ gone.more.and_more }}", "gone"),
        ("{{ order['gone'] }}", "gone"),
        ("{{ order[gone] }}", "gone"),
        ("{{ order.lines[2].name }}", "2"),
        ("{% if gone %}x{% endif %}", "gone"),
        ("{% if not gone %}x{% endif %}", "gone"),
        ("{% if order.gone == 1 %}x{% endif %}", "gone"),
        ("{% if 1 != gone %}x{% endif %}", "gone"),
        ("{% if 'a' in gone %}x{% endif %}", "gone"),
        ("{% if gone in [] %}x{% endif %}", "gone"),
        ("{% if gone is odd %}x{% endif %}", "gone"),
        ("{% if gone and 1 %}x{% endif %}", "gone"),
        ("{% if gone.more is defined %}x{% endif %}", "gone"),
        ("{% for x in gone %}x{% endfor %}", "gone"),
        ("{% for x in order.gone %}x{% else %}none{% endfor %}", "gone"),
        ("{% for x in order.lines if x.gone %}x{% endfor %}", "gone"),
        ("{{ gone|upper }}", "gone"),
        ("{{ 'a'|replace('a', gone) }}", "gone"),
        ("{{ 'a'|default(gone) }}", "gone"),
        ("{{ order.lines|join(gone) }}", "gone"),
        ("{{ gone + 1 }}", "gone"),
        ("{{ -gone }}", "gone"),
        ("{{ 'a' ~ gone }}", "gone"),
        ("{% set x = gone %}{{ x }}", "gone"),
        ("{% include '_shared/x.txt' %}", "gone"),
    ],
)
def test_what_is_missing_is_named_with_file_and_line(tmp_path: Path, text: str, name: str) -> None:
    error = failure(tmp_path, f"one\n\n{text}", ORDER, **{"_shared/x.txt": "\n\n{{ gone }}"})
    assert error.code == "missing_variable"
    assert name in error.message
    file = "_shared/x.txt" if "include" in text else "T/en/sms.text.txt"
    assert error.message.startswith(f"{file}:3: ")


def chain(numbers: range) -> dict[str, str]:
    """Shared files that include each the next one; `numbers` says which is read first."""
    names = [f"_shared/{n}.txt" for n in numbers]
    return {name: f"{{% include '{after}' %}}" for name, after in pairwise(names)} | {names[-1]: "end"}


def test_an_include_sees_the_names_around_it(tmp_path: Path) -> None:
    text = "{% for x in [1, 2] %}{% include '_shared/x.txt' %}{% endfor %}"
    assert (
        rendered(tmp_path, text, **{"_shared/x.txt": "{% include '_shared/y.txt' %};", "_shared/y.txt": "{{ x }}"})
        == "1;2;"
    )


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"_shared/x.txt": "{% include '_shared/x.txt' %}"}, r"_shared/x\.txt:1 .* includes itself"),
        ({"_shared/x.txt": "{% include '_shared/y.txt' %}", "_shared/y.txt": "{% include '_shared/x.txt' %}"}, "it"),
        (chain(range(10, 31)), "at most 10 files within one another"),
        (chain(range(31, 10, -1)), "at most 10 files within one another"),
        (chain(range(1_000, 2_000)), "at most 10 files|less nesting"),
        ({"_shared/x.txt": "{% include '_shared/gone.txt' %}"}, r"there is no _shared/gone\.txt"),
        ({"_shared/x.html": "{% include '_shared/y.txt' %}", "_shared/y.txt": ""}, r"must be a \.html file"),
        ({"_shared/x.md": ""}, r"_shared/x\.md .*NAME\.txt or NAME\.html"),
        ({"T/en/sms.text.txt": "a\n{% if %}"}, r"T/en/sms\.text\.txt:2 is '\{% if %\}'; Expected an expression"),
        ({"T/en/sms.text.txt": "a\n{{ b"}, r"sms\.text\.txt:2 "),
        ({"T/en/sms.text.txt": "{% if 1 %}\n\n"}, r"sms\.text\.txt:\d "),
        ({"T/en/sms.title.txt": ""}, r"sms\.title\.txt.*the parts of sms are: text"),
        ({"T/en/sms.html": ""}, r"sms\.html.*the parts of sms are: text"),
        ({"T/en/email.text.html": ""}, r"email\.text\.html.*CHANNEL\.PART\.txt or CHANNEL\.html"),
        ({"T/en/email.txt": ""}, r"email\.txt.*CHANNEL\.PART\.txt or CHANNEL\.html"),
        ({"T/en/readme": ""}, "readme.*CHANNEL"),
        ({"T/english!/sms.text.txt": ""}, "english!.*EVENT_TYPE/LOCALE"),
        ({"T/sms.text.txt": ""}, r"sms\.text\.txt.*EVENT_TYPE/LOCALE"),
        ({"sms.text.txt": ""}, r"sms\.text\.txt.*EVENT_TYPE/LOCALE"),
        ({"T/en/sms.text.txt": "x" * 65_537}, "at most 65,536 bytes"),
        ({"T/en/sms.text.txt/a": ""}, r"sms\.text\.txt.*a file"),
    ],
)  # fmt: skip
def test_a_folder_that_will_not_do_is_refused_whole(tmp_path: Path, files: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        Templates([folder(tmp_path, **files)])


def test_text_that_is_not_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    folder(tmp_path, **{"T/en/sms.text.txt": ""})
    (tmp_path / "T/en/sms.text.txt").write_bytes(b"one\ntw\xff")
    with pytest.raises(InvalidInput, match=r"sms\.text\.txt:2 is b'\\xff'; write it in UTF-8"):
        Templates([tmp_path])


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="a folder that is there"):
        Templates([tmp_path / "none"])


def test_what_begins_with_a_dot_is_left_alone(tmp_path: Path) -> None:
    Templates([folder(tmp_path, **{".DS_Store": "", ".git/x": "", "T/en/.swp": "", "T/.x": ""})])


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagamore.actors.notifications.template_files.FILES_MAX", 200)
    files = {f"T{n}/en/sms.text.txt": "" for n in range(201)}
    with pytest.raises(InvalidInput, match="at most 200 files"):
        Templates([folder(tmp_path, **files)])


@pytest.mark.parametrize(
    ("locale", "shown"),
    [("de-AT", "servus"), ("de-at", "servus"), ("de-CH", "hallo"), ("de", "hallo"), ("fr", "hello"), ("", "hello"),
     ("zh-Hant-TW", "hant"), ("zh", "hello"), ("-", "hello"), ("/etc", "hello")],
)  # fmt: skip
def test_the_locale_falls_back_to_what_it_is_a_variety_of_and_to_the_default(
    tmp_path: Path, locale: str, shown: str
) -> None:
    words = {"en": "hello", "de": "hallo", "de-AT": "servus", "zh-Hant": "hant"}
    templates = Templates([folder(tmp_path, **{f"T/{each}/sms.text.txt": word for each, word in words.items()})])
    assert parts_of(templates.render("T", SMS, locale, {}, user_id="ann")) == {"text": shown}


def test_another_default_locale(tmp_path: Path) -> None:
    templates = Templates([folder(tmp_path, **{"T/de/sms.text.txt": "hallo"})], default_locale="de")
    assert parts_of(templates.render("T", SMS, "fr", {}, user_id="ann")) == {"text": "hallo"}


def test_all_parts_come_from_one_locale(tmp_path: Path) -> None:
    files = {"T/en/email.subject.txt": "", "T/en/email.text.txt": "", "T/de/email.subject.txt": ""}
    templates = Templates([folder(tmp_path, **files)])
    with pytest.raises(CannotSend, match=r"template_missing: no template T/email\.text for de or en"):
        templates.render("T", EMAIL, "de", {}, user_id="ann")


@pytest.mark.parametrize("event_type", ["NONE", "", "../T", "ORDER_SHIPPED/en"])
def test_an_event_type_without_a_template_says_where_it_was_looked_for(event_type: str) -> None:
    with pytest.raises(CannotSend) as caught:
        Templates().render(event_type, EMAIL, "de-AT", {}, user_id="ann")
    assert caught.value.code == "template_missing"
    assert caught.value.message == f"no template {event_type}/email.subject for de-AT, de or en"


def test_a_channel_without_parts_needs_no_template() -> None:
    found = Templates().render("NONE", WEBHOOK, "de", {}, user_id="ann")
    assert (found.parts, found.version) == ((), "")


def test_optional_parts_may_be_absent(tmp_path: Path) -> None:
    templates = Templates([folder(tmp_path, **{"T/en/email.subject.txt": "s", "T/en/email.text.txt": "t"})])
    assert templates.render("T", EMAIL, "en", {}, user_id="ann").parts == (("subject", "s"), ("text", "t"))


def test_each_file_comes_from_the_first_folder_that_has_it_and_the_built_in_ones_last(tmp_path: Path) -> None:
    first = folder(tmp_path / "1", **{"ORDER_SHIPPED/en/email.subject.txt": "first"})
    second = folder(
        tmp_path / "2", **{"ORDER_SHIPPED/en/email.subject.txt": "second", "ORDER_SHIPPED/en/email.text.txt": "second"}
    )
    data = {"order_id": "ord_1", "tracking": ""}
    parts = parts_of(Templates([first, second]).preview("ORDER_SHIPPED", "email", "en", data, user_id="ann"))
    assert (parts["subject"], parts["text"]) == ("first", "second")
    assert "no tracking number" in parts["html"]


def test_a_shared_file_is_of_its_own_folder(tmp_path: Path) -> None:
    folders = [
        folder(tmp_path / n, **{f"T{n}/en/sms.text.txt": "{% include '_shared/x.txt' %}", "_shared/x.txt": f"of {n}"})
        for n in "12"
    ]
    templates = Templates(folders)
    for n in "12":
        assert parts_of(templates.render(f"T{n}", SMS, "", {}, user_id="ann")) == {"text": f"of {n}"}


def test_a_hosts_channel_says_which_parts_it_has(tmp_path: Path) -> None:
    good = folder(tmp_path / "good", **{"T/en/chat.text.txt": "hi"})
    bad = folder(tmp_path / "bad", **{"T/en/chat.title.txt": "hi"})
    unknown = folder(tmp_path / "unknown", **{"T/en/emial.subject.txt": "hi"})
    assert parts_of(Templates([good], channels=[CHAT]).render("T", CHAT, "", {}, user_id="ann")) == {"text": "hi"}
    with pytest.raises(InvalidInput, match=r"chat\.title\.txt.*the parts of chat are: text"):
        Templates([bad], channels=[CHAT])
    with pytest.raises(InvalidInput, match=r"emial\.subject\.txt.*the channels are: chat, email, inbox, push, sms"):
        Templates([unknown], channels=[CHAT])


def test_the_version_is_of_the_sources_that_are_used(tmp_path: Path) -> None:
    def version(**changed: str) -> str:
        files = {
            "T/en/sms.text.txt": "a{% include '_shared/x.txt' %}", "_shared/x.txt": "{% include '_shared/y.txt' %}",
            "_shared/y.txt": "y", "_shared/z.txt": "z", "T/de/sms.text.txt": "b",
        }  # fmt: skip
        templates = Templates([folder(tmp_path, **(files | changed))])
        return templates.render("T", SMS, "en", {"n": 1}, user_id="ann").version

    first = version()
    assert len(first) == 12 and int(first, 16) >= 0
    assert version() == first
    assert version(**{"_shared/z.txt": "other", "T/de/sms.text.txt": "other"}) == first
    assert len({first, version(**{"T/en/sms.text.txt": "b"}), version(**{"_shared/y.txt": "Y"})}) == 3


def test_the_same_data_makes_the_same_text(tmp_path: Path) -> None:
    text = "{% for k, v in d|items %}{{ k }}{{ v }}{% endfor %}{{ l|sort|join }}{{ user_id }}"
    folder(tmp_path, **{"T/en/sms.text.txt": text})
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    data: dict[str, Any] = {
        "d": {str(chance.random()): chance.random() for _ in range(20)}, "l": [chance.random() for _ in range(20)]
    }  # fmt: skip
    found = [Templates([tmp_path]).render("T", SMS, "en", data, user_id="ann") for _ in range(3)]
    assert found[0] == found[1] == found[2], seed


def test_rendering_reads_no_file(tmp_path: Path) -> None:
    at = folder(tmp_path / "t", **{"T/en/sms.text.txt": "{% include '_shared/x.txt' %}", "_shared/x.txt": "x"})
    templates = Templates([at])
    at.rename(tmp_path / "gone")
    assert parts_of(templates.render("T", SMS, "en", {}, user_id="ann")) == {"text": "x"}


def test_the_notifications_user_id_is_told_even_if_the_data_has_another(tmp_path: Path) -> None:
    assert rendered(tmp_path, "{{ user_id }}", {"user_id": "eve"}) == "ann"


def test_the_list_has_each_template_once(tmp_path: Path) -> None:
    templates = Templates([folder(tmp_path, **{"T/de-AT/sms.text.txt": "x", "ORDER_SHIPPED/en/sms.text.txt": "x"})])
    views = templates.views()
    assert len({(view.event_type, view.channel, view.locale) for view in views}) == len(views) == 6 * 2 * 4 + 1
    (own,) = (view for view in views if view.event_type == "T")
    assert (own.channel, own.locale, own.parts) == ("sms", "de-AT", ("text",))
    assert own.version == templates.render("T", SMS, "de-AT", {}, user_id="ann").version
