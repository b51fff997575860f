"""A template whose variables its event has not is refused when the shop is opened, and not when somebody is told."""

from pathlib import Path

import pytest

from sagamore.engine.errors import InvalidInput
from tests.notifications.templates.program import PARCEL, Chat, composed, parcel


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ("{{ plase }}", 1, "plase"),
        ("a\n{% if place %}\n{{ plase.x }}{% endif %}", 3, "plase"),
        ("{% for place in plases %}{% endfor %}", 1, "plases"),
        ("{% for p in place %}{{ p }}{% endfor %}{{ p }}", 1, "p"),
        ("{% for p in place %}{% else %}{{ loop.index }}{% endfor %}", 1, "loop"),
        ("{% for p in place if plase %}{% endfor %}", 1, "plase"),
        ("{% set greeting = greting %}{{ greeting }}", 1, "greting"),
        ("{{ place|replace('a', plase) }}", 1, "plase"),
        ("{{ place|default(plase) }}", 1, "plase"),
        ("{{ plase.x|default('') }}", 1, "plase"),
        ("{{ shelf }}", 1, "shelf"),
        ("{{ type }}", 1, "type"),
        ("{{ user }}", 1, "user"),
    ],
)
def test_a_variable_that_the_event_has_not_is_refused_with_file_and_line(
    tmp_path: Path, text: str, line: int, name: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        composed(tmp_path, Chat(), types=parcel("chat"), files={PARCEL: text})
    assert refused.value.field == f"template {tmp_path / 'templates' / PARCEL}:{line}"
    assert (refused.value.value, refused.value.expected) == (name, "a field of PARCEL: place, code; or user_id")


@pytest.mark.parametrize(
    "text",
    [
        "{{ place }}{{ code }}{{ user_id }}",
        "{% for each in place %}{{ each }}{{ loop.index }}{% endfor %}",
        "{% for a, b in place|items %}{{ a }}{{ b }}{% endfor %}",
        "{% if code %}{% set x = place %}{{ x }}{% endif %}{% if code %}{{ x }}{% endif %}",
        "{{ shelf|default('') }}",
        "{% if shelf is defined %}{{ shelf }}{% endif %}",
        "{% if shelf is undefined %}{% else %}{{ shelf }}{% endif %}",
        "{{ {'a': 1}.a }}{{ true }}{{ place.anything.at.all }}",
    ],
)
def test_what_the_event_has_and_what_a_template_does_without_is_taken(tmp_path: Path, text: str) -> None:
    composed(tmp_path, Chat(), types=parcel("chat"), files={PARCEL: text})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{% include '_shared/x.txt' %}", "each"),
        ("{% for each in place %}{% endfor %}{% include '_shared/x.txt' %}", "each"),
        ("{% for each in place %}{% include '_shared/x.txt' %}{% endfor %}", ""),
        ("{% set each = place %}{% include '_shared/x.txt' %}", ""),
        ("{% if each is defined %}{% include '_shared/x.txt' %}{% endif %}", ""),
    ],
)
def test_an_included_file_sees_the_variables_around_it(tmp_path: Path, text: str, name: str) -> None:
    files = {PARCEL: text, "_shared/x.txt": "{% include '_shared/y.txt' %}", "_shared/y.txt": "\n{{ each }}{{ place }}"}
    if not name:
        composed(tmp_path, Chat(), types=parcel("chat"), files=files)
        return
    with pytest.raises(InvalidInput) as refused:
        composed(tmp_path, Chat(), types=parcel("chat"), files=files)
    assert refused.value.field == f"template {tmp_path / 'templates/_shared/y.txt'}:2"
    assert refused.value.value == name


def test_variables_are_looked_for_in_every_part_and_language_and_in_templates_of_orders(tmp_path: Path) -> None:
    for n, name in enumerate(("PARCEL/en/chat.link.txt", "PARCEL/de/chat.text.txt", "ORDER_SHIPPED/de/email.html")):
        with pytest.raises(InvalidInput, match="gone"):
            composed(
                tmp_path / str(n), Chat(), types=parcel("chat"), files={PARCEL: "", name: "{{ gone }}"}
            )  # fmt: skip


def test_a_folder_may_hold_templates_of_types_that_this_program_has_not(tmp_path: Path) -> None:
    composed(tmp_path, Chat(), files={PARCEL: "{{ gone }}"})
