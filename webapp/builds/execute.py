"""Carry a build out: claim it, make its binaries, store all of them or none, end truthfully.

request → (queue "builds") → claim → compile | fetch → publish → succeeded
"""

import logging
import shutil
from pathlib import Path

import psutil
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from webapp.builds.actions import announce_build, continue_build, describe, enqueue_next
from webapp.builds.artifacts import enforce_quota, sweep
from webapp.builds.children import note
from webapp.builds.compile import compile_build, update, work_folder
from webapp.builds.errors import BuildError
from webapp.builds.fetch import fetch_prebuilt
from webapp.builds.models import Artifact, Build
from webapp.builds.publish import store_made
from webapp.builds.watch import MIB, Stopped, Watch
from webapp.executions.holder import holder_name
from webapp.executions.models import Status
from webapp.logs import store
from webapp.logs.patience import for_ever

logger = logging.getLogger(__name__)


def execute_build(build_id: int) -> None:
    """Claim a pending build and carry it out; without a free place it waits for the next turn."""
    build = claim(build_id)
    if build is None:
        return
    logger.info("build %s: begins", build.pk)
    announce_build(build)
    try:
        carry_out(build)
    except Exception:
        logger.exception("build %s: a fault of ours", build.pk)
        end(build, Status.FAILED, "A fault of the dashboard ended this build; the worker's log has it.")
        raise
    finally:
        clean_up(build)
        enqueue_next()


def claim(build_id: int) -> Build | None:
    """Start the build if no other worker has it and a place is free."""
    with transaction.atomic():
        open_ones = Build.objects.select_for_update().filter(status__in=(Status.PENDING, Status.RUNNING))
        running = sum(build.status == Status.RUNNING for build in open_ones)
        build = Build.objects.filter(pk=build_id).first()
        if build is None or running >= settings.BUILD_AT_ONCE:
            return None
        return build if build.start(holder_name(settings.LAB_HOST), timezone.now()) else None


def carry_out(build: Build) -> None:
    """Turn the build's own errors and stops into its end."""
    watch = Watch(build)
    try:
        by = build.requested_by.username if build.requested_by else "the system"
        note(build, f"{describe(build)}, asked for by {by}")
        watch.check()
        check_room()
        artifacts = make_artifacts(build, watch)
        watch.check()
        publish(build, artifacts)
        if watch.peak_mib:
            logger.info("build %s: at most %s MiB of memory", build.pk, watch.peak_mib)
    except BuildError as error:
        end(build, Status.FAILED, str(error))
    except Stopped as stopped:
        stop(build, stopped)
    except OSError as error:
        end(
            build,
            Status.FAILED,
            f"The builds' host refused: {error.strerror or error} ({error.filename or ''}).",
        )


def make_artifacts(build: Build, watch: Watch) -> list[Artifact]:
    """Compile or fetch; rows that are not saved yet."""
    if build.kind == Build.Kind.FETCH:
        return fetch_prebuilt(build, watch)
    made = compile_build(build, watch)
    update(build, stage=Build.Stage.STORING)
    return store_made(build, made)


def check_room() -> None:
    """Say what is missing before anything begins; raises BuildError."""
    home = Path(settings.BUILD_HOME)
    home.mkdir(parents=True, exist_ok=True)
    disk = shutil.disk_usage(home).free // MIB
    if disk < settings.BUILD_FREE_DISK_MIB:
        raise BuildError(
            f"Only {disk} MiB of disk are free for builds; {settings.BUILD_FREE_DISK_MIB} are needed."
        )
    memory = psutil.virtual_memory().available // MIB
    if memory < settings.BUILD_FREE_MEMORY_MIB:
        raise BuildError(
            f"Only {memory} MiB of memory are free; {settings.BUILD_FREE_MEMORY_MIB} are needed."
        )


def publish(build: Build, artifacts: list[Artifact]) -> None:
    """Save the artifacts and end the build in one transaction; the quota comes after."""
    for artifact in artifacts:
        size = artifact.size_bytes / MIB
        note(build, f"✓ {artifact.file_name} {artifact.target} {size:.1f} MiB sha256 {artifact.sha256}")
    if not for_ever(lambda: store_success(build, artifacts)):
        return
    close_log(build)
    gone = enforce_quota(timezone.now()) + sweep(timezone.now())
    if gone:
        logger.info("artifacts: %s files went, to keep the quota or because nobody knew them", gone)


def store_success(build: Build, artifacts: list[Artifact]) -> bool:
    """False when somebody else has ended it."""
    with transaction.atomic():
        if not build.finish(Status.SUCCEEDED, timezone.now()):
            return False
        Artifact.objects.bulk_create(artifacts)
        update(build, stage=Build.Stage.ENDED)
    return True


def stop(build: Build, stopped: Stopped) -> None:
    """End a build that had to stop; one whose worker was told to end goes on in another."""
    if stopped.status is None:
        logger.warning("build %s: claim lost, leaving", build.pk)
        return
    end(build, stopped.status, stopped.sentence)
    if stopped.status == Status.INTERRUPTED:
        continue_build(build)


def end(build: Build, status: Status, sentence: str) -> None:
    if for_ever(lambda: build.finish(status, timezone.now(), sentence)):
        update(build, stage=Build.Stage.ENDED)
        close_log(build)


def close_log(build: Build) -> None:
    """Write the last line, and say that no more come."""
    word = Status(build.status).label.lower()
    note(build, f"Build #{build.pk} {word}. {build.sentence}".strip())
    store.finish(build.log_id, build.status, patience_s=store.FOREVER)
    logger.info("build %s: %s", build.pk, build.status)
    announce_build(build)


def clean_up(build: Build) -> None:
    """Take the work folder away; the repository's trees stay for the next build."""
    shutil.rmtree(work_folder(build), ignore_errors=True)
