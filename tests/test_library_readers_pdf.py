"""PDF: pages of any turn, what is laid on a page, what is left out, a document's properties."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft.core.errors import DocumentError
from graft.core.left_out import left_out_of
from graft.library.readers import Extracted, read_bytes
from graft.library.readers.pdf import iso_time
from tests.pdf_files import IMAGE, Page, field, line, lines, look, note, pdf_of

DEPTHS = ("The chart shows the depth.", "Low water is 1.2 metres.", "High water is 4.7 metres.")


def read(*pages: Page | str, **more: object) -> Extracted:
    """Return what is read of a PDF of these pages."""
    (found,) = read_bytes("a.pdf", pdf_of(pages, **more))  # type: ignore[arg-type]
    return found


def left_out(*pages: Page | str, **more: object) -> dict[str, int]:
    return left_out_of(read(*pages, **more).metadata)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_page_is_read_as_it_is_drawn_however_it_is_turned(rotate: int, degrees: int) -> None:
    # Drawn upright and turned by mistake, turned and drawn for it, sideways on an upright page.
    turned = Page(lines(300, 400, *DEPTHS, degrees=degrees), f"/Rotate {rotate}")
    item = read(lines(72, 700, "The first page is upright.", "It has two lines."), turned)
    assert item.text == f"The first page is upright. It has two lines.\n\n{' '.join(DEPTHS)}"
    assert len(item.pages) == 2


def test_four_directions_on_one_page() -> None:
    item = read(
        lines(72, 700, "Upright one is the longest.", "Upright two.")
        + lines(560, 300, "Right side one.", "Right side two.", degrees=90)
        + lines(400, 60, "On its head one.", "On its head two.", degrees=180)
        + lines(40, 500, "Left side one.", "Left side two.", degrees=270)
        + line(200, 300, "DRAFT of May", 45, 40)
    )
    assert sorted(item.text.split("\n\n")) == [
        "DRAFT of May",
        "Left side one. Left side two.",
        "On its head one. On its head two.",
        "Right side one. Right side two.",
        "Upright one is the longest. Upright two.",
    ]
    assert item.text.startswith("Upright one")


def test_a_label_at_the_side_stands_between_no_lines() -> None:
    # The label lies at the height of a line, and PDFium puts both into one.
    rows = [f"Row {word} of the text goes on." for word in ("one", "two", "three", "four")]
    label = line(300, 640, "Sideways label", 90)
    assert read(lines(72, 700, *rows[:2]) + label + lines(72, 672, *rows[2:])).text == (
        f"{' '.join(rows)}\n\nSideways label"
    )


def test_a_watermark_under_the_text_is_apart_from_it() -> None:
    rows = [f"Row {word} of the text goes on." for word in ("one", "two", "three", "four")]
    mark = line(80, 600, "DRAFT", 45, 60)
    assert read(mark + lines(72, 700, *rows)).text == f"{' '.join(rows)}\n\nDRAFT"
    between = lines(72, 700, *rows[:2]) + mark + lines(72, 672, *rows[2:])
    assert read(between).text == f"{' '.join(rows)}\n\nDRAFT"


def test_type_of_negative_size_stands_on_its_head() -> None:
    flipped = "".join(
        f"BT /F1 -11 Tf -1 0 0 -1 72 {700 - 14 * i} Tm ({t}) Tj ET\n" for i, t in enumerate(DEPTHS)
    )
    assert read(flipped).text == " ".join(DEPTHS)


def test_an_aside_is_no_heading_and_breaks_no_sentence() -> None:
    first = line(72, 740, "Lock rules", 0, 24)
    first += lines(72, 120, "The keeper opens the gate at six. In winter the barges wait until the")
    item = read(first + line(30, 300, "Draft 3", 90, 24), lines(72, 700, "lamp is lit."))
    assert "until the lamp is lit." in item.text and "\n\nDraft 3" not in item.text[-10:]
    assert item.text.startswith("# Lock rules\n\nDraft 3\n\n")


def test_a_stamp_on_the_side_of_every_page_is_furniture() -> None:
    pages = [
        lines(72, 700, f"Page {word} speaks of it.") + line(20, 300, "Downloaded by a guest", 90)
        for word in ("one", "two", "three", "four")
    ]
    item = read(*pages)
    assert "guest" not in item.text and "Page four" in item.text
    assert left_out_of(item.metadata) == {"headers and footers": 4}


def test_what_lies_outside_of_the_page_is_hidden() -> None:
    text = lines(72, 700, "Seen.") + lines(72, 900, "Slug line.") + lines(700, 400, "Far right.")
    item = read(text)
    assert item.text == "Seen." and left_out_of(item.metadata) == {"hidden lines": 2}
    cropped = Page(lines(72, 700, "Above.") + lines(72, 300, "Below."), "/CropBox [0 0 612 400]")
    assert read(cropped).text == "Below."
    assert read(Page(lines(-300, -50, "Kept."), box=(-400, -100, 212, 692))).text == "Kept."


BOX = (220, 670, 420, 690)
BUTTON = "/AP << /N << /Yes @LOOK15,15,4@ /Off @LOOK15,15,@ >> >>"


def test_values_stand_at_their_labels() -> None:
    page = Page(
        lines(72, 720, "Mooring permit")
        + lines(72, 680, "Name of the vessel:", "Length:", "Shore power:", "Harbour:", step=40),
        annotations=[
            field("a", "Tx", BOX, f"/V (Blue Heron) /AP << /N {look('Blue He')} >>"),
            field("b", "Tx", (220, 630, 420, 650), "/V (14.5) /Ff 1"),  # read-only, not drawn
            field("c", "Btn", (220, 590, 235, 605), "/V /Yes /AS /Yes"),
            field("d", "Ch", (220, 550, 420, 570), "/Ff 131072 /V (nh) "
                  "/Opt [[(sh) (South Haven)] [(nh) (North Haven)]]"),
        ],
    )  # fmt: skip
    assert read(page).text == (
        "Mooring permit\n\nName of the vessel: Blue Heron\n\nLength: 14.5\n\nShore power: \u2611"
        "\n\nHarbour: North Haven"
    )


def test_buttons_join_the_nearer_label() -> None:
    radio = [
        field("r", "Btn", (72, 640, 87, 655), f"/Ff 32768 /AS /Off {BUTTON}"),
        field("s", "Btn", (172, 640, 187, 655), f"/Ff 32768 /AS /Yes {BUTTON}"),
    ]
    boxes = [
        field("t", "Btn", (72, 600, 87, 615), f"/AS /Yes /V /Yes {BUTTON}"),
        field("u", "Btn", (72, 580, 87, 595), f"/AS /Off {BUTTON}"),
    ]
    text = line(92, 643, "Cash") + line(192, 643, "Card")
    text += line(92, 603, "Dogs aboard") + line(92, 583, "Children aboard")
    found = read(Page(text, annotations=[*radio, *boxes])).text
    assert "\u2610 Cash" in found and "\u2611 Card" in found
    assert "\u2611 Dogs aboard" in found and "\u2610 Children aboard" in found


def test_a_button_stays_in_the_cell_of_its_label() -> None:
    places = [(x, y) for y in (680, 660) for x in (72, 272)]
    texts = ("Cash", "Card", "Dogs", "Cats")
    page = Page(
        "".join(line(x + 20, y + 3, t) for (x, y), t in zip(places, texts, strict=True)),
        annotations=[
            field(t, "Btn", (x, y, x + 15, y + 15), "/V /Yes /AS /Yes")
            for (x, y), t in zip(places, texts, strict=True)
        ],
    )
    assert "| \u2611 Cash | \u2611 Card |" in read(page).text


def test_fields_of_several_widgets() -> None:
    radio = "/Type /Annot /Subtype /Widget /Parent @pay /Rect [{} 640 {} 655] /AS /{} {}"
    off, on = BUTTON.replace("Yes", "cash"), BUTTON.replace("Yes", "card")
    page = Page(
        line(92, 643, "Cash") + line(192, 643, "Card") + line(72, 600, "Name:"),
        annotations=[
            radio.format(72, 87, "Off", off),
            radio.format(172, 187, "card", on),
            "/Type /Annot /Subtype /Widget /Parent @name /Rect [150 597 300 612]",
        ],
    )
    parents = {
        "pay": "/FT /Btn /Ff 49152 /V /card",
        "name": "/FT /Tx /V <FEFF0052006F0073006500200041D83DDE00>",
    }
    assert read(page, parents=parents).text == ("\u2610 Cash \u2611 Card\n\nName: Rose A\U0001f600")


def test_lists_and_boxes_as_programs_fill_them_in() -> None:
    texts = ("Days:", "Other:", "Dogs:", "Cats:", "Birds:")
    page = Page(
        lines(72, 680, *texts, step=30),
        annotations=[
            field("a", "Ch", (220, 670, 420, 690), "/Ff 2097152 /V [(Mon) (Wed)] "
                  "/Opt [(Mon) (Tue) (Wed)]"),
            field("b", "Ch", (220, 640, 420, 660), "/Ff 393216 /V (Some day) /Opt [(Mon) (Tue)]"),
            field("c", "Btn", (220, 617, 235, 632), "/V /Yes"),
            field("d", "Btn", (220, 587, 235, 602), "/V /Off /AS /Off"),
            field("e", "Tx", (220, 557, 420, 572), f"/AP << /N {look('none')} >>"),
        ],
    )  # fmt: skip
    found = read(page).text
    wanted = ("Days: Mon, Wed", "Other: Some day", "Dogs: \u2611", "Cats: \u2610", "Birds:")
    assert found.split("\n\n")[:5] == list(wanted) and found.endswith("none")


def test_values_on_rules_under_labels_and_in_a_grid() -> None:
    on_rule = Page(
        line(72, 700, "I, ______________, pay ________ euros."),
        annotations=[
            field("a", "Tx", (88, 697, 170, 712), "/V (Ann Reed)"),
            field("b", "Tx", (200, 697, 240, 712), "/V (50)"),
        ],
    )
    assert read(on_rule).text == "I, Ann Reed, pay 50 euros."
    under = Page(
        lines(72, 700, "First name", "Remarks", "The end of the form.", step=60),
        annotations=[
            field("a", "Tx", (72, 670, 272, 690), "/V (Ann)"),
            field("b", "Tx", (72, 590, 472, 630), "/Ff 4096 /V (No dogs.\\nTwo cats.)"),
        ],
    )
    assert read(under).text == (
        "First name Ann\n\nRemarks No dogs. Two cats.\n\nThe end of the form."
    )
    grid = Page(
        "".join(
            line(x, y, t)
            for x, y, t in [(72, 700, "Day"), (200, 700, "Hours"), (300, 700, "Miles"),
                            (72, 680, "Monday"), (72, 660, "Tuesday")]
        ),
        annotations=[
            field(f"f{x}{y}", "Tx", (x, y - 4, x + 60, y + 12), f"/V ({v})")
            for x, y, v in [(200, 680, 8), (300, 680, 41), (200, 660, 7), (300, 660, 38)]
        ],
    )  # fmt: skip
    assert "| Monday | 8 | 41 |\n| Tuesday | 7 | 38 |" in read(grid).text


def test_what_is_hidden_in_a_form_is_no_text_and_is_counted() -> None:
    page = Page(
        line(72, 680, "Name:"),
        annotations=[
            field("a", "Tx", BOX, "/F 2 /V (secret one)"),
            field("b", "Tx", BOX, "/F 32 /V (secret two)"),
            field("c", "Tx", (0, 0, 0, 0), "/V (secret three)"),
            field("d", "Tx", BOX, "/Ff 8192 /V (secret four)"),
            field("e", "Tx", BOX, "/F 2"),
            field("f", "Btn", BOX, "/Ff 65536 /MK << /CA (Send) >>"),
        ],
    )
    item = read(page)
    assert item.text == "Name:"
    assert left_out_of(item.metadata) == {"hidden fields": 4, "buttons": 1}


def test_a_form_on_a_turned_page_and_one_of_values_alone() -> None:
    turned = Page(
        lines(200, 100, "Name:", degrees=90), "/Rotate 90",
        [field("a", "Tx", (188, 180, 204, 300), "/V (Ann Reed)")],
    )  # fmt: skip
    assert read(turned).text == "Name: Ann Reed"
    assert read(Page("", annotations=[field("a", "Tx", BOX, "/V (Alone)")])).text == "Alone"


def test_a_widget_that_no_form_lists() -> None:
    page = Page(line(72, 680, "Name:"), annotations=[field("a", "Tx", BOX, "/V (Ann)")])
    data = pdf_of([page])
    damaged = data.replace(b"/AcroForm", b"/AcroFurm")
    assert read_bytes("a.pdf", damaged)[0].text == "Name: Ann"


def test_what_is_written_on_a_page_is_text_and_what_is_said_about_it_is_counted() -> None:
    page = Page(
        lines(72, 700, "The gate opens at six.", "Barges wait below."),
        annotations=[
            note("FreeText", (300, 640, 500, 660), "/Contents (Closed in May)"),
            note("Text", (500, 700, 520, 720), "/Contents (Is this right?) /T (Ann)"),
            note("Highlight", (72, 698, 150, 712), "/Contents (Check) /QuadPoints "
                 "[72 712 150 712 72 698 150 698]"),
            note("Highlight", (72, 684, 150, 698), "/QuadPoints [72 698 150 698 72 684 150 684]"),
            note("Popup", (500, 600, 600, 700), "/Contents (Is this right?)"),
            note("Link", (72, 684, 150, 698), "/Contents (a link)"),
            note("FreeText", (300, 540, 500, 560), "/F 2 /Contents (hidden)"),
            note("FileAttachment", (500, 500, 520, 520), "/Contents (plan)"),
            note("Stamp", (300, 400, 500, 420), f"/AP << /N {look('APPROVED')} >>"),
        ],
    )  # fmt: skip
    item = read(page, attached=2)
    assert item.text == ("The gate opens at six. Barges wait below.\n\nAPPROVED\n\nClosed in May")
    assert left_out_of(item.metadata) == {"comments": 3, "attachments": 3}


def test_typed_on_a_flat_form() -> None:
    page = Page(
        lines(72, 700, "Name:", "Born: ____________", step=30),
        annotations=[
            note("FreeText", (150, 697, 300, 712), "/Contents (Ann Reed)"),
            note("FreeText", (110, 667, 200, 682), "/Contents (1 May 1990)"),
        ],
    )
    assert read(page).text == "Name: Ann Reed\n\nBorn: 1 May 1990"


def test_images_and_pages_without_text_are_counted() -> None:
    text = lines(72, 700, "A page of text.")
    assert left_out(text + IMAGE + IMAGE) == {"images": 2}
    mixed = read(text, IMAGE, "", lines(72, 700, "And more of it."))
    assert mixed.text == "A page of text.\n\nAnd more of it." and len(mixed.pages) == 4
    assert left_out_of(mixed.metadata) == {"pages without text": 1}  # an empty one holds nothing
    with pytest.raises(DocumentError, match="no text, as scans have"):
        read(IMAGE)


def test_a_damaged_page_takes_no_other_with_it() -> None:
    data = pdf_of([lines(72, 700, "A page of text."), "", lines(72, 700, "And more.")])
    damaged = data.replace(b"/Kids [6 0 R 8 0 R", b"/Kids [6 0 R 3 0 R")
    item = read_bytes("a.pdf", damaged)[0]
    assert damaged != data and item.text == "A page of text.\n\nAnd more."
    assert left_out_of(item.metadata) == {"damaged pages": 1}
    with pytest.raises(DocumentError, match="pages are damaged"):
        read_bytes("a.pdf", pdf_of([""]).replace(b"/Kids [6 0 R", b"/Kids [3 0 R"))


def test_a_page_whose_letters_mean_nothing_is_one_without_text() -> None:
    names = " ".join(f"/uniE00{i}" for i in range(1, 9))
    strange = Page(
        "BT /F2 11 Tf 72 700 Td <0102030405060708> Tj ET",
        "/Resources << /Font << /F2 << /Type /Font /Subtype /Type1 /BaseFont /Symbol "
        f"/Encoding << /Differences [1 {names}] >> >> >> >>",
    )
    with pytest.raises(DocumentError, match="which letters"):
        read(strange)
    text = lines(72, 700, "A page of text.", "It has two lines.")
    assert left_out(text, strange) == {"pages without text": 1}


def test_a_form_that_is_drawn_by_its_program_is_refused() -> None:
    with pytest.raises(DocumentError, match="XFA"):
        read(
            line(72, 700, "Please wait..."),
            catalog="/AcroForm << /Fields [] /XFA [(template) 5 0 R] >> /NeedsRendering true",
        )


def test_properties_are_metadata() -> None:
    info = (
        "/Title (Lock rules) /Author (Ann Reed) /Subject (Locks) /Keywords (lock, barge) "
        "/CreationDate (D:20230405060708+02'00') /ModDate (D:2024)"
    )
    item = read(lines(72, 700, "Text."), info=info)
    assert item.title == "Lock rules"
    assert item.metadata == {
        "author": "Ann Reed", "subject": "Locks", "keywords": "lock, barge", "pages": "1",
        "created": "2023-04-05T06:07:08+02:00", "modified": "2024-01-01",
    }  # fmt: skip
    poor = read(lines(72, 700, "Text."), info="/Author (anonymous) /CreationDate (soon)")
    assert poor.metadata == {"pages": "1"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("D:20230405", "2023-04-05"), ("D:202304", "2023-04-01"), ("20230405", "2023-04-05"),
        ("D:20230405060708Z00'00'", "2023-04-05T06:07:08Z"), ("D:20231305", ""), ("", ""),
        ("D:202304050607", "2023-04-05T06:07:00"), ("D:20230230", ""),
        ("2023-04-05T06:07:08", "2023-04-05T06:07:08"),
        ("D:20230405060708-08", "2023-04-05T06:07:08-08:00"),
    ],
)  # fmt: skip
def test_dates(text: str, wanted: str) -> None:
    assert iso_time(text) == wanted


_WORDS = st.lists(st.sampled_from(["lock", "barge", "gate", "weir"]), min_size=3, max_size=6)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(_WORDS, min_size=2, max_size=5),
    st.sampled_from([0, 90, 180, 270]),
    st.integers(-15, 15),
    st.sampled_from([0, 90, 180, 270]),
)
def test_no_word_is_lost_and_lines_keep_their_order(
    rows: list[list[str]], degrees: int, lean: int, rotate: int
) -> None:
    texts = [f"{' '.join(row)} {i}." for i, row in enumerate(rows)]
    content = lines(300, 400, *texts, degrees=degrees + lean, step=20)
    assert read(Page(content, f"/Rotate {rotate}")).text.split() == " ".join(texts).split()
