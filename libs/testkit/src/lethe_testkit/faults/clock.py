"""Another time for chosen programs: a shim between them and the C library, steered by a file that both have mapped.

The kernel's clock is left alone, and so are PostgreSQL and Kafka: it is the clock of one machine that jumps.
"""

from __future__ import annotations

import mmap
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long *offset;
static int (*real_clock)(clockid_t, struct timespec *);
__attribute__((constructor)) static void find(void) {
    char path[4096];
    const char *where = getenv("LETHE_CLOCK_DIR"), *who = getenv("LETHE_LOCAL_NAME");
    real_clock = dlsym(RTLD_NEXT, "clock_gettime");
    if (!where || !who) return;
    snprintf(path, sizeof path, "%s/%s", where, who);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    void *mapped = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) offset = mapped;
}
int clock_gettime(clockid_t which, struct timespec *at) {
    if (!real_clock) real_clock = dlsym(RTLD_NEXT, "clock_gettime");
    int code = real_clock(which, at);
    if (!code && offset && which == CLOCK_REALTIME) at->tv_sec += *offset;
    return code;
}
time_t time(time_t *into) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (into) *into = at.tv_sec;
    return at.tv_sec;
}
int gettimeofday(struct timeval *restrict into, void *restrict zone) {
    struct timespec at;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &at);
    into->tv_sec = at.tv_sec;
    into->tv_usec = at.tv_nsec / 1000;
    return 0;
}
"""


class Clocks:
    """`environment` is what the stack is started with. Without a C compiler there is none, and `available` is False."""

    def __init__(self, directory: Path, programs: list[str]) -> None:
        self._directory = directory
        directory.mkdir(mode=0o755)
        directory.chmod(0o755)
        self.environment: dict[str, str] = {}
        library = directory / "shim.so"
        compiler = shutil.which("cc")
        if compiler is None:
            return
        source = directory / "shim.c"
        source.write_text(_SOURCE)
        built = subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], capture_output=True, check=False
        )
        if built.returncode == 0:
            library.chmod(0o755)
            for program in programs:
                (directory / program).write_bytes(struct.pack("q", 0))
            self.environment = {"LD_PRELOAD": str(library), "LETHE_CLOCK_DIR": str(directory)}

    @property
    def available(self) -> bool:
        return bool(self.environment)

    def set(self, program: str, seconds: int) -> None:
        """From now on that program's wall clock is this far ahead (negative: behind). Its monotonic one is not."""
        with (self._directory / program).open("r+b") as file, mmap.mmap(file.fileno(), 8) as mapped:
            mapped[:] = struct.pack("q", seconds)
