"""A client, and nothing that anybody has to read."""

from __future__ import annotations

import logging
import socket
import time
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.experiment.run.cluster import connecting
from harness.experiment.run.cluster.where import Where
from tests.command_line import Call


def test_nobody_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither where nothing listens nor where something does that is no scheduler: a sentence."""
    monkeypatch.setattr(connecting, "ANSWER_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for place, said in (
            (silent, "does not answer as a scheduler does"),
            (closed, "nobody is there"),
        ):
            address = f"tcp://127.0.0.1:{place.getsockname()[1]}"
            began_s = time.monotonic()
            with (
                pytest.raises(UsageError, match=rf"--on {address}: .*{said}"),
                connecting.connected(Where(address), tmp_path),
            ):
                pass
            assert time.monotonic() - began_s < 10
    time.sleep(0.1)
    assert capfd.readouterr() == ("", "")


def test_a_scheduler_by_tls_needs_its_certificates(tmp_path: Path) -> None:
    """What Dask says of its own settings is handed on."""
    with socket.create_server(("127.0.0.1", 0)) as place:
        address = f"tls://127.0.0.1:{place.getsockname()[1]}"
        with (
            pytest.raises(UsageError, match=rf"{address}: .*TLS"),
            connecting.connected(Where(address), tmp_path),
        ):
            pass


def test_the_log_of_others_goes_to_ours(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Also what Dask says when all is over."""
    with pytest.raises(UsageError), connecting.connected(Where("tcp://127.0.0.1:9"), tmp_path):
        pass
    logging.getLogger("distributed.core").error("planted")
    logging.getLogger("asyncio").error("planted")
    assert capfd.readouterr() == ("", "")


@pytest.mark.long
def test_a_cluster_of_this_machine_to_try(harness: Call, experiment: Path, folder: Path) -> None:
    """`local:2`: as on one machine, and no word of Dask's own, nor anything left."""
    status, out, err = harness("run", experiment, "--output", folder / "there", "--on", "local:2")
    assert (status, "Traceback" in err, "distributed" in err) == (0, False, False), err
    assert out.splitlines()[0].startswith("small: 40 cycles")
