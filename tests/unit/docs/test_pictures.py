"""The pictures show what there is: every table with its columns, every reference, every function."""

import xml.etree.ElementTree as ElementTree

import pytest

from infra.local.docs.data_model import FOLDED, PLACES, RELATIONS, draw_data_model
from infra.local.docs.flow import STORED, draw_flow
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


def test_every_table_is_drawn_with_its_columns() -> None:
    drawn = draw_data_model()
    shown = " ".join(words(drawn)).replace(",", "").split()
    for table in METADATA.tables.values():
        assert table.name in shown
        assert set(table.columns.keys()) - set(shown) == set()
    assert sorted(name for column in PLACES for name in column) == sorted(METADATA.tables)


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
        for path in shapes(draw_data_model(), "path")
        if path.get("marker-end") and not path.get("stroke-dasharray")
    ]
    # One more in the legend.
    assert len(solid) == len(declared) + 1


def test_references_lead_from_a_column_to_a_key() -> None:
    for relation in RELATIONS:
        assert relation.column in METADATA.tables[relation.source].columns
        assert METADATA.tables[relation.target].columns[relation.key].primary_key


def test_folded_columns_belong_to_a_table() -> None:
    for columns in FOLDED.values():
        assert any(set(columns) <= set(table.columns.keys()) for table in METADATA.tables.values())


def test_every_function_and_every_table_is_in_the_flow() -> None:
    shown = words(draw_flow())
    assert {each.name for each in declared_functions()} - set(shown) == set()
    assert {name for _, _, names in STORED for name in names} == set(METADATA.tables)


@pytest.mark.parametrize("draw", [draw_data_model, draw_flow])
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
