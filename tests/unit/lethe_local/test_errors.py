from __future__ import annotations

import errno

import pytest

from lethe_local.errors import LocalError, Missing, NoPermission, NoSpace, PortBusy, from_os_error, from_output


@pytest.mark.parametrize(
    ("number", "kind", "told"),
    [
        (errno.ENOSPC, NoSpace, "the disk is full"),
        (errno.EDQUOT, NoSpace, "the disk is full"),
        (errno.EACCES, NoPermission, "no permission"),
        (errno.EROFS, NoPermission, "no permission"),
        (errno.ENOENT, Missing, "not found"),
    ],
)
def test_a_failed_system_call_becomes_one_line_that_says_what_to_do(
    number: int, kind: type[LocalError], told: str
) -> None:
    error = from_os_error(OSError(number, "", "/some/where"), "keep the data")
    assert type(error) is kind
    assert "\n" not in str(error)
    assert str(error).startswith(f"cannot keep the data: {told} (/some/where)")


def test_an_unknown_system_error_keeps_its_own_words() -> None:
    assert str(from_os_error(OSError(errno.EIO, "Input/output error"), "read")) == "cannot read: Input/output error"


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ('FATAL:  could not write lock file "postmaster.pid": No space left on device', NoSpace),
        ("initdb: error: could not create directory: Permission denied", NoPermission),
        ("java.net.BindException: Address already in use", PortBusy),
        ("something that nobody foresaw", type(None)),
    ],
)
def test_the_reason_is_read_from_what_a_program_said(output: str, kind: type[LocalError]) -> None:
    assert type(from_output(output, "start postgres")) is kind


def test_every_kind_of_error_has_an_exit_code_of_its_own() -> None:
    kinds = [LocalError, *LocalError.__subclasses__()]
    assert len({kind.EXIT for kind in kinds}) == len(kinds)
