from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lethe_local import control
from lethe_local.errors import LocalError, NoSpace
from lethe_local.stack import databases, envfile, preflight
from lethe_local.stack.config import PORTS, Config, decide
from lethe_local.stack.roster import SAMPLES, SERVICES, Needs, members
from lethe_local.stack.samples import references, writing
from lethe_local.state import State

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    state = State(tmp_path)
    state.create()
    return {"LETHE_LOCAL_DIR": str(tmp_path)}


def made(environment: dict[str, str]) -> Config:
    return decide(environment=environment)


def test_each_part_has_a_port_of_its_own_that_can_be_chosen(environment: dict[str, str]) -> None:
    assert len(set(PORTS.values())) == len(PORTS)
    assert {part.name for part in (*SERVICES, *SAMPLES)} <= PORTS.keys()
    chosen = made({**environment, "LETHE_PORT_ERASURE_WORKER": "9999"})
    assert chosen.ports["erasure_worker"] == 9999
    assert chosen.url("erasure_worker") == "http://127.0.0.1:9999"


def test_a_port_that_is_no_number_is_refused_by_name(environment: dict[str, str]) -> None:
    with pytest.raises(LocalError, match="LETHE_PORT_KAFKA is 'many'"):
        made({**environment, "LETHE_PORT_KAFKA": "many"})


def test_an_explicit_engine_address_wins(environment: dict[str, str]) -> None:
    config = made({**environment, "LETHE_KAFKA": "broker.example:9092"})
    assert config.kafka_address == "broker.example:9092"
    assert not config.starts("kafka")
    assert config.starts("postgres")


def test_the_address_of_our_own_engine_from_a_sourced_file_is_not_taken_for_somebody_elses(
    environment: dict[str, str],
) -> None:
    ours = {"LETHE_KAFKA": "127.0.0.1:29092", "LETHE_POSTGRES": "postgresql://postgres:it's@127.0.0.1:25432/postgres"}
    envfile.write(State.of(environment), ours)
    assert envfile.read(State.of(environment)) == ours
    config = made({**environment, **ours})
    assert config.starts("kafka")
    assert config.starts("postgres")


def test_a_shell_that_outlived_the_stack_means_our_own_engines_too(environment: dict[str, str]) -> None:
    config = made({**environment, "LETHE_KAFKA": "127.0.0.1:29092"})
    assert config.starts("kafka")


def test_one_engine_alone_ignores_everything_else(environment: dict[str, str]) -> None:
    config = decide(environment={**environment, "LETHE_KAFKA": "x.example:1"}, only=frozenset({"kafka"}))
    assert config.starts("kafka")
    assert not config.starts("postgres")


def test_with_a_register_of_ones_own_the_samples_stay_away(environment: dict[str, str]) -> None:
    assert made(environment).has_samples
    assert not made({**environment, "LETHE_REGISTER": "/etc/lethe/register"}).has_samples


def test_only_the_orchestrator_may_sign_and_intake_reaches_no_processor() -> None:
    assert [part.name for part in SERVICES if Needs.SIGNING in part.needs] == ["orchestrator"]
    reaching = [part.name for part in SERVICES if (Needs.CREDENTIALS | Needs.READING) & part.needs]
    assert reaching == ["erasure_worker", "export_worker"]


@pytest.mark.parametrize(
    ("dsn", "user", "expected"),
    [
        ("postgresql://a:b@h:1/postgres", None, "postgresql://a:b@h:1/lethe"),
        ("postgresql://a:b@h:1/postgres", "r", "postgresql://r:p%40ss@h:1/lethe"),
        ("postgresql://h:1/postgres?sslmode=require", "r", "postgresql://r:p%40ss@h:1/lethe?sslmode=require"),
        ("postgresql://a:p%40b@[::1]:1/x", None, "postgresql://a:p%40b@[::1]:1/lethe"),
    ],
)
def test_a_role_is_put_into_an_address_whatever_its_form(dsn: str, user: str | None, expected: str) -> None:
    assert databases.at(dsn, "lethe", user=user, password="p@ss") == expected


def test_what_the_register_takes_from_the_environment_is_found(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "a.yaml").write_text("read: env:A_READ\nwrite: 'env:A_WRITE'\nnote: environment:NOT")
    (tmp_path / "datasets" / "b.yaml").write_text("key: env:B_KEY")
    assert references(tmp_path) == {"A_READ", "A_WRITE", "B_KEY"}


def test_what_reads_processors_is_given_nothing_by_which_they_are_changed(environment: dict[str, str]) -> None:
    needs = {part.name: part.needs for part in SERVICES}
    assert [name for name, need in needs.items() if Needs.CREDENTIALS in need] == ["erasure_worker"]
    assert [name for name, need in needs.items() if Needs.READING in need] == ["export_worker"]
    register = made(environment).register
    assert writing(register) == {"SHOP_WRITE_DSN"}
    assert writing(register) < references(register)


def test_a_nearly_full_disk_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(NoSpace, match="LETHE_LOCAL_DIR"):
        preflight.require_space(tmp_path, needed=10**18)


def test_a_second_instance_of_each_service_has_a_name_and_a_port_of_its_own(environment: dict[str, str]) -> None:
    config = made({**environment, "LETHE_LOCAL_INSTANCES": "2", "LETHE_PORT_INTAKE_2": "9998"})
    programs = [part.program for part in members(config)]
    assert {"intake", "intake-2", "export_worker-2"} <= set(programs)
    assert "warehouse-2" not in programs
    assert len({config.ports[program] for program in programs}) == len(programs)
    assert config.ports["intake-2"] == 9998


def test_services_reach_an_engine_through_the_port_that_is_named_and_others_directly(
    environment: dict[str, str],
) -> None:
    config = made({**environment, "LETHE_THROUGH_KAFKA": "9001", "LETHE_THROUGH_POSTGRES": "9002"})
    assert config.kafka_address == "127.0.0.1:9001"
    assert databases.through("postgresql://a:b@127.0.0.1:1/x", config.through["postgres"]).endswith("@127.0.0.1:9002/x")
    assert databases.through("postgresql://a:b@127.0.0.1:1/x", None) == "postgresql://a:b@127.0.0.1:1/x"


def test_a_supervisor_that_ends_without_a_word_is_explained_by_the_end_of_its_log(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.create()
    state.log("supervisor").write_text(
        "first line\nTraceback (most recent call last):\nRuntimeError: the disk is odd\n"
    )
    assert "RuntimeError: the disk is odd" in str(control.failure(state, 1))
