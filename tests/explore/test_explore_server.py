"""The served page and the command: one address on this machine, one sentence for every misuse."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from explore_made import plane, result, study

from moo.cli import main
from moo.errors import OptionError, StorageError
from moo.explore.server import serving

pytest.importorskip("plotly", reason="plotly is not installed: pip install 'moo[explore]'")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return result(plane(12), names=["cost", "gain"]).save(tmp_path_factory.mktemp("explore") / "run")


Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(folder: Path) -> Iterator[Ask]:
    with serving(folder) as (server, address):
        port = int(address.rstrip("/").rpartition(":")[2])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()

        def asked(path: str = "/", host: str = "", method: str = "GET") -> tuple[int, str, str]:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request(method, path, headers={"Host": host or f"127.0.0.1:{port}"})
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            return answer.status, answer.headers.get("Cache-Control", ""), text

        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def test_one_page_is_served_and_nothing_else(ask: Ask) -> None:
    status, cached, text = ask()
    assert (status, cached) == (200, "no-store")
    assert '"name":"cost"' in text
    assert ask("/result.json")[0] == 404
    assert ask("/../result.json")[0] == 404
    assert ask(method="POST")[0] == 501


def test_a_foreign_name_for_this_machine_is_refused(ask: Ask) -> None:
    assert ask(host="example.org")[0] == 403
    assert ask(host="127.0.0.1:1")[0] == 403


def test_only_this_machine_is_listened_to(folder: Path) -> None:
    with serving(folder) as (server, _):
        assert server.server_address[0] == "127.0.0.1"


def test_the_page_follows_the_folder(tmp_path: Path) -> None:
    growing = study({("p", "A", 0): result(plane(5), optimizer="A()")}, seeds=[0, 1])
    growing.save(tmp_path / "run")
    with serving(tmp_path / "run") as (server, _):
        pages = server.pages  # type: ignore[attr-defined]
        first = pages.current()
        assert pages.current() is first
        growing.results["p", "A", 1] = result(plane(6), optimizer="A()", seed=1)
        growing.save(tmp_path / "run", overwrite=True)
        assert b'"done":2' in pages.current()
        assert b'"done":1' in first


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist(folder: Path, port: int) -> None:
    with pytest.raises(OptionError, match=f"port {port} does not exist"), serving(folder, port):
        pass


def test_a_port_in_use(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OptionError, match=f"port {port} of 127.0.0.1 is in use"), serving(folder, port):
            pass


def test_a_folder_without_results_is_not_served(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds neither"), serving(tmp_path):
        pass


# ---------------------------------------------------------------------- the command


def test_the_command_writes_the_file_and_says_where(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explore", str(folder), "--out", str(tmp_path / "page.html")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'page.html'}\n"
    assert (tmp_path / "page.html").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "{tmp}/no/page.html"], "cannot be written"),
        (["--out", "{tmp}"], "cannot be written"),
        (["--out", "page.html", "--serve"], "give one of the two"),
        (["--port", "80"], "are of --serve"),
        (["--no-browser"], "are of --serve"),
        (["--serve", "--no-browser", "--port", "70000"], "port 70000 does not exist"),
        (["--serve", "--port", "many"], "invalid int value"),
    ],
)
def test_misuse_is_one_line_and_exit_code_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["explore", str(folder), *(each.format(tmp=tmp_path) for each in options)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_a_folder_without_results_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["explore", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_without_plotly_it_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    assert main(["explore", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "moo[explore]" in error
    assert error.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise on Windows")
def test_ctrl_c_ends_serving_without_a_traceback(folder: Path) -> None:
    command = [sys.executable, "-m", "moo", "explore", str(folder), "--serve", "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode in (0, 130)
    assert out.strip() == ""
    assert error == ""
