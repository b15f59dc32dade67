"""The server that takes e-mail, as the environment names it."""

from __future__ import annotations

import pytest

from lethe_chassis import Env, SettingsError
from lethe_delivery import SmtpSettings, read_smtp
from lethe_delivery.smtp import Tls

NAMED = {"LETHE_SMTP_HOST": "mail.acme.example", "LETHE_SMTP_SENDER": "privacy@acme.example"}


def read(**more: str) -> SmtpSettings | None:
    with Env(NAMED | more) as env:
        return read_smtp(env)


def test_without_a_host_nothing_goes_out_by_mail_and_nothing_else_is_asked() -> None:
    with Env({"LETHE_SMTP_PORT": "many", "LETHE_SMTP_TLS": "perhaps"}) as env:
        assert read_smtp(env) is None


def test_what_is_not_said_is_the_safe_thing() -> None:
    found = read()
    assert found is not None
    assert (found.port, found.tls, found.password) == (465, Tls.IMPLICIT, None)
    assert (found.domain, found.bounces) == ("acme.example", "privacy@acme.example")


def test_every_variable_is_taken() -> None:
    found = read(
        LETHE_SMTP_PORT="587",
        LETHE_SMTP_TLS="starttls",
        LETHE_SMTP_BOUNCES="back@acme.example",
        LETHE_SMTP_USERNAME="lethe",
        LETHE_SMTP_PASSWORD="invented",
        LETHE_SMTP_CA="/etc/ca.pem",
    )
    assert found == SmtpSettings(
        host="mail.acme.example",
        domain="acme.example",
        bounces="back@acme.example",
        port=587,
        tls=Tls.STARTTLS,
        username="lethe",
        password="invented",
        ca_file="/etc/ca.pem",
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"LETHE_SMTP_SENDER": ""}, "LETHE_SMTP_SENDER is not set"),
        ({"LETHE_SMTP_TLS": "perhaps"}, "LETHE_SMTP_TLS is not one of its values"),
        ({"LETHE_SMTP_PORT": "70000"}, "LETHE_SMTP_PORT is out of bounds"),
        # a password would go over the wire as it is
        ({"LETHE_SMTP_TLS": "none", "LETHE_SMTP_PASSWORD": "invented"}, "LETHE_SMTP_PASSWORD cannot be used"),
    ],
)
def test_a_fault_is_told_once_by_its_variable_and_never_with_the_password(wrong: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError) as error:
        read(**wrong)
    assert str(error.value).count("LETHE_SMTP_") == 1
    assert told in str(error.value)
    assert "invented" not in str(error.value)
