"""The pictures show what there is: every table with its columns, every reference, every function."""

import xml.etree.ElementTree as ElementTree
from functools import partial

import pytest

from infra.local.docs.data_model import FOLDED, PICTURES, draw_data_model
from infra.local.docs.flow import STORED, draw_flow, folded
from infra.local.docs.functions import declared_functions
from infra.local.docs.svg import Drawing
from shared.tables import METADATA

SVG = "{http://www.w3.org/2000/svg}"
# A letter of DejaVu Sans Mono, the widest of the fonts named, takes this share of its size.
LETTER = 0.61


def shapes(drawn: str, name: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(drawn).findall(f".//{SVG}{name}")


def words(drawn: str) -> list[str]:
    return [each.text or "" for each in shapes(drawn, "text")]


RELATIONS = [relation for picture in PICTURES for relation in picture.relations]


def test_every_table_is_drawn_with_its_columns() -> None:
    for picture in PICTURES:
        shown = " ".join(words(draw_data_model(picture))).replace(",", "").split()
        for name in picture.tables:
            assert name in shown
            assert set(METADATA.tables[name].columns.keys()) - set(shown) == set()
    assert {name for picture in PICTURES for name in picture.tables} == set(METADATA.tables)


def test_every_foreign_key_is_drawn_as_one() -> None:
    declared = {
        (table.name, key.parent.name, key.target_fullname)
        for table in METADATA.tables.values()
        for key in table.foreign_keys
    }
    drawn = {(r.source, r.column, f"{r.target}.{r.key}") for r in RELATIONS}
    assert declared <= drawn
    solid = [
        path
        for picture in PICTURES
        for path in shapes(draw_data_model(picture), "path")
        if path.get("marker-end") and not path.get("stroke-dasharray")
    ]
    # One more in each legend.
    assert len(solid) == len(declared) + len(PICTURES)


def test_references_lead_from_a_column_to_a_key() -> None:
    for relation in RELATIONS:
        assert relation.column in METADATA.tables[relation.source].columns
        assert METADATA.tables[relation.target].columns[relation.key].primary_key


def test_folded_columns_belong_to_a_table() -> None:
    for columns in FOLDED.values():
        assert any(set(columns) <= set(table.columns.keys()) for table in METADATA.tables.values())


def test_every_function_and_every_table_is_in_the_flow() -> None:
    shown = words(draw_flow())
    names = [each.name for each in declared_functions()]
    others = {name for name in names if not name.startswith("http_")}
    assert (others | set(folded([name for name in names if name.startswith("http_")]))) - set(shown) == set()
    assert {name for _, _, names in STORED for name in names} == set(METADATA.tables)


def test_many_functions_of_one_subject_share_a_line() -> None:
    names = ["http_tx", "http_site_change", "http_sites", "http_token", "http_site", "http_tokens"]
    assert folded(names) == ["http_tx", "http_site… (3)", "http_token", "http_tokens"]


@pytest.mark.parametrize("draw", [*(partial(draw_data_model, each) for each in PICTURES), draw_flow])
def test_everything_lies_on_the_page(draw: object) -> None:
    assert callable(draw)
    drawn = draw()
    page = ElementTree.fromstring(drawn)
    width, height = float(page.get("width", "0")), float(page.get("height", "0"))
    for text in shapes(drawn, "text"):
        x, y = float(text.get("x", "0")), float(text.get("y", "0"))
        length = LETTER * float(text.get("font-size", "0")) * len(text.text or "")
        left = {"start": x, "middle": x - length / 2, "end": x - length}[text.get("text-anchor", "start")]
        assert left >= 0, text.text
        assert left + length <= width, text.text
        assert 0 < y < height, text.text
    for box in shapes(drawn, "rect"):
        assert float(box.get("x", "0")) + float(box.get("width", "0")) <= width
        assert float(box.get("y", "0")) + float(box.get("height", "0")) <= height


def test_a_drawing_is_the_same_each_time_and_escapes_its_words() -> None:
    drawing = Drawing(100, 50, "A & B")
    drawing.text((5, 20), "1 < 2 & 3")
    drawing.arrow([(0, 0), (10, 10)], colour="#123456")
    drawn = drawing.render()
    assert drawn == drawing.render()
    assert words(drawn) == ["1 < 2 & 3"]
    assert [marker.get("id") for marker in shapes(drawn, "marker")] == ["head-123456"]
