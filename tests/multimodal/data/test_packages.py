"""Fetching with pip and npm: against tools that the tests put in their place."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from moo.errors import ProblemError
from moo.multimodal.data import packages
from moo.multimodal.data.packages import NpmPackage, PyPIPackage

CONTENT = b"what the registry has"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
WHEEL = PyPIPackage("thing", "1.2", "thing-1.2-py3-none-any.whl", DIGEST, 0.1)
TARBALL = NpmPackage("@some/thing", "1.2", "some-thing-1.2.tgz", DIGEST, 0.1)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "moo" / "packages"


@pytest.fixture
def registry(monkeypatch):
    """Stands in for the tool; `asked` lists the commands it was given."""

    class Registry:
        content, file, stderr, asked = CONTENT, None, None, []

        def __call__(self, command, cwd, **options):
            self.asked.append(list(command))
            if self.stderr is not None:
                return subprocess.CompletedProcess(command, 1, "", self.stderr)
            name = self.file or (TARBALL.file if "pack" in command else WHEEL.file)
            with open(os.path.join(cwd, name), "wb") as stream:
                stream.write(self.content)
            return subprocess.CompletedProcess(command, 0, "", "")

    tool = Registry()
    tool.asked = []
    monkeypatch.setattr(packages.subprocess, "run", tool)
    return tool


@pytest.mark.parametrize("package", [WHEEL, TARBALL])
class TestBoth:
    def test_is_fetched_once(self, package, registry, folder):
        assert package.fetched().read_bytes() == CONTENT
        assert package.fetched() == folder / package.file
        assert len(registry.asked) == 1
        assert [path.name for path in folder.iterdir()] == [package.file]

    def test_a_damaged_file_is_fetched_again(self, package, registry, folder):
        package.fetched()
        (folder / package.file).write_bytes(CONTENT[:5])
        assert package.fetched().read_bytes() == CONTENT
        assert len(registry.asked) == 2

    def test_another_checksum_is_refused_and_nothing_is_left(self, package, registry, folder):
        registry.content = b"something else"
        with pytest.raises(ProblemError, match=f"{package.file} as fetched has .* expected {DIGEST}"):
            package.fetched()
        assert list(folder.iterdir()) == []

    def test_another_file_is_refused(self, package, registry, folder):
        registry.file = "other.zip"
        with pytest.raises(ProblemError, match=f"was fetched as other.zip, expected {package.file}"):
            package.fetched()
        assert list(folder.iterdir()) == []

    def test_no_network_is_one_sentence_with_the_tools_reason(self, package, registry, folder):
        registry.stderr = "WARNING: retrying\nERROR: no route to host\n\n"
        with pytest.raises(ProblemError, match=r"not be fetched by (pip|npm): no route to host$"):
            package.fetched()
        assert list(folder.iterdir()) == []

    def test_silence_is_said_to_be_one(self, package, registry):
        registry.stderr = ""
        with pytest.raises(ProblemError, match="it gave no reason"):
            package.fetched()

    def test_a_tool_that_hangs_is_given_up(self, package, monkeypatch):
        def hang(command, **options):
            raise subprocess.TimeoutExpired(command, options["timeout"])

        monkeypatch.setattr(packages.subprocess, "run", hang)
        with pytest.raises(ProblemError, match="in 900 seconds"):
            package.fetched()

    def test_a_folder_that_cannot_be_written(self, package, registry, folder):
        folder.parent.write_text("a file in the way")
        with pytest.raises(ProblemError, match="packages cannot be read or written"):
            package.fetched()

    def test_a_file_that_cannot_be_read(self, package, registry, folder, monkeypatch):
        package.fetched()

        def refuse(file):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(packages, "_sha256", refuse)
        with pytest.raises(ProblemError, match="packages cannot be read or written: Permission denied"):
            package.fetched()

    def test_a_full_disk(self, package, registry, folder, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(packages.os, "replace", full)
        with pytest.raises(ProblemError, match="cannot be read or written: No space left on device"):
            package.fetched()
        assert list(folder.iterdir()) == []

    def test_two_at_once_both_end_well(self, package, registry, folder):
        with ThreadPoolExecutor(4) as pool:
            files = list(pool.map(lambda _: package.fetched(), range(4)))
        assert {file.read_bytes() for file in files} == {CONTENT}
        assert [path.name for path in folder.iterdir()] == [package.file]

    def test_tells_the_log(self, package, registry, caplog):
        with caplog.at_level(logging.INFO, "moo.data"):
            package.fetched()
        assert caplog.messages == [f"fetching {package.name} 1.2, 0.1 MB, to keep"]


NPM_HAS_NO_SUCH_VERSION = """\
npm error code ETARGET
npm error notarget No matching version found for @some/thing@1.2.
npm error notarget In most cases you or one of your dependencies are requesting a package version that
npm error A complete log of this run can be found in: /somewhere/debug-0.log
"""
NPM_IS_OFFLINE = """\
npm error code ECONNREFUSED
npm error syscall connect
npm error FetchError: request to somewhere failed, reason: connect ECONNREFUSED 127.0.0.1:9
npm error A complete log of this run can be found in: /somewhere/debug-0.log
"""
NPM_OF_OLD = """\
npm ERR! code ENOSPC
npm ERR! syscall write
npm ERR! errno -28
npm ERR! nospc ENOSPC: no space left on device, write
npm ERR! nospc There appears to be insufficient space on your system to finish.
"""
PIP_IS_OFFLINE = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /thing/
ERROR: Could not find a version that satisfies the requirement thing==1.2 (from versions: none)
ERROR: No matching distribution found for thing==1.2
"""
PIP_HAS_NO_SUCH_VERSION = """\
WARNING: Retrying (Retry(total=4)) after connection broken by 'ReadTimeoutError(...)': /thing/
ERROR: Could not find a version that satisfies the requirement thing==1.2 (from versions: 1.0, 1.1)
ERROR: No matching distribution found for thing==1.2
"""


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (NPM_HAS_NO_SUCH_VERSION, "No matching version found for @some/thing@1.2."),
        (NPM_IS_OFFLINE, "the registry cannot be reached"),
        (NPM_OF_OLD, "ENOSPC: no space left on device, write"),
        (PIP_IS_OFFLINE, "the registry cannot be reached, or does not have the package"),
        (PIP_HAS_NO_SUCH_VERSION, "No matching distribution found for thing==1.2"),
    ],
)
def test_the_reason_is_the_line_that_says_it(registry, said, reason):
    registry.stderr = said
    with pytest.raises(ProblemError) as caught:
        TARBALL.fetched()
    assert str(caught.value) == f"@some/thing 1.2 could not be fetched by npm: {reason}"


class TestPip:
    def test_is_asked_for_one_file_alone(self, registry):
        WHEEL.fetched()
        command = registry.asked[0]
        assert command[:4] == [sys.executable, "-m", "pip", "download"]
        assert "--no-deps" in command
        assert command[command.index("--only-binary") + 1] == "thing"
        assert command[-1] == "thing==1.2"

    def test_is_asked_for_a_source_distribution_where_that_is_wanted(self, registry):
        registry.file = "thing-1.2.tar.gz"
        replace(WHEEL, file="thing-1.2.tar.gz").fetched()
        assert "--no-binary" in registry.asked[0]

    def test_is_asked_three_times(self, registry):
        registry.stderr = "ERROR: metadata"
        with pytest.raises(ProblemError, match="metadata"):
            WHEEL.fetched()
        assert len(registry.asked) == 3


class TestNpm:
    def test_runs_a_program_of_that_name(self, tmp_path, monkeypatch):
        program = tmp_path / "bin" / "npm"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nprintf "%s" "{CONTENT.decode()}" > {TARBALL.file}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        assert TARBALL.fetched().read_bytes() == CONTENT

    def test_is_named_where_it_is_missing(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ProblemError, match="npm is not installed, by which @some/thing is fetched"):
            TARBALL.fetched()
