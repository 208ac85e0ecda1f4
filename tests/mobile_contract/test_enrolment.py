"""The text of a picture for enrolling is read as it was written, and nothing else is."""

import pytest

from mobile_contract.enrolment import EnrolmentText, enrolment_text, read_enrolment_text

CODE = "DEMO-7K3M-QX2R9T"


@pytest.mark.parametrize(
    "server",
    ["https://sales.example.com", "https://example.com/road/book", "http://10.0.0.4:8080"],
)
def test_what_is_written_is_read(server: str) -> None:
    assert read_enrolment_text(enrolment_text(server, CODE)) == EnrolmentText(server, CODE)


def test_it_is_written_as_the_protocol_says() -> None:
    assert enrolment_text("https://sales.example.com/", CODE) == (
        "roadbook:enrol?server=https%3A%2F%2Fsales.example.com&code=DEMO-7K3M-QX2R9T"
    )


def test_a_name_that_is_not_known_is_ignored() -> None:
    text = enrolment_text("https://sales.example.com", CODE) + "&site=4"
    assert read_enrolment_text(text) == EnrolmentText("https://sales.example.com", CODE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.com",
        "roadbook:enrol",
        f"roadbook:enrol?code={CODE}",
        "roadbook:enrol?server=https%3A%2F%2Fexample.com",
        "roadbook:other?server=https%3A%2F%2Fexample.com&code=A",
        "roadbook:enrol?server=ftp%3A%2F%2Fexample.com&code=A",
        "roadbook:enrol?server=https%3A%2F%2Fme%3Apw%40example.com&code=A",
        "roadbook:enrol?server=https%3A%2F%2Fexample.com%3Fx&code=A",
        "roadbook:enrol?server=https%3A%2F%2Fexample.com%3A99999&code=A",
        "roadbook:enrol?server=https%3A%2F%2F%5B%3A&code=A",
        "roadbook:enrol?server=https%3A%2F%2Fexample.com&code=" + "A" * 500,
    ],
)
def test_anything_else_is_no_enrolment(text: str) -> None:
    assert read_enrolment_text(text) is None
