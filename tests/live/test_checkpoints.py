"""Checkpoints beside each other: who looks leaves alone what another process is writing, who holds the lock
sweeps what a killed one left."""

from __future__ import annotations

from pathlib import Path

from quanke.engines.live.running.checkpoint import Checkpoints, Meta


def sheet(step: int) -> Meta:
    return Meta(step=step, night="2026-06-22", day="2026-06-23", share="1-of-1")


def written(folder: Path, before: Path | None) -> None:
    (folder / "engine").mkdir()
    (folder / "engine" / "state.bin").write_bytes(b"balances" if before is None else b"more balances")


def test_who_looks_leaves_alone_what_is_being_written(tmp_path: Path) -> None:
    writing = Checkpoints(tmp_path)
    writing.publish(sheet(3), written)

    def write(folder: Path, before: Path | None) -> None:
        written(folder, before)
        looking = Checkpoints(tmp_path)  # another process, such as `quanke live --status`
        found = looking.latest()
        assert found is not None and found[1].step == 3, "what is half written is nobody's checkpoint"
        assert looking.oldest() == 3
        assert folder.name.startswith(".") and (folder / "engine" / "state.bin").exists()

    published = writing.publish(sheet(7), write)
    assert (published / "engine" / "state.bin").read_bytes() == b"more balances"
    found = Checkpoints(tmp_path).latest()
    assert found is not None and found == (published, sheet(7))


def test_the_holder_of_the_lock_sweeps_what_a_killed_process_left(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path).publish(sheet(3), written)
    left = tmp_path / "checkpoints" / ".000000000009"
    written_half = left / "engine"
    written_half.mkdir(parents=True)
    (written_half / "state.bin").write_bytes(b"bal")
    again = Checkpoints(tmp_path)
    assert (written_half / "state.bin").read_bytes() == b"bal", "to look is not to sweep"
    again.sweep()
    assert not left.exists()
    assert [path.name for path in again.folder.iterdir()] == [kept.name]
    assert again.publish(sheet(9), written).is_dir(), "the step the killed process was at is written again"
