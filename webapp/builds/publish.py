"""From files in the work folder to artifacts: checked, hashed, stored, all of a build or none."""

from webapp.builds.artifacts import limit_bytes, read_blocks, store_content
from webapp.builds.errors import ArtifactError
from webapp.builds.gobuild import Made
from webapp.builds.models import Artifact, Build
from webapp.builds.pe import check_target, facts_of, missing_texts
from webapp.builds.stamp import Version, wanted_in_binary


def store_made(build: Build, made: list[Made]) -> list[Artifact]:
    """Check and store each binary; returns rows that are not saved yet. ArtifactError says what is wrong."""
    return [store_one(build, item) for item in made]


def store_one(build: Build, made: Made) -> Artifact:
    if made.path.is_symlink() or not made.path.is_file():
        raise ArtifactError(f"go build made no {made.path.name}: its package is no program.")
    facts = facts_of(made.path)
    check_target(facts, made.target, made.path.name)
    check_stamp(build, made)
    sha256, size = store_content(read_blocks(made.path), limit_bytes())
    return Artifact(
        build=build,
        component=made.component.name,
        target=made.target,
        file_name=made.path.name,
        sha256=sha256,
        size_bytes=size,
        facts=dict(facts),
        version=build.version,
        added_by=build.requested_by,
    )


def check_stamp(build: Build, made: Made) -> None:
    """Go ignores a wrong -X silently: look for what should have been stamped."""
    wanted = wanted_in_binary(made.component, Version(build.version, build.commit, build.stamped_date))
    missing = missing_texts(made.path, wanted)
    if missing:
        raise ArtifactError(
            f"{made.path.name} does not hold its stamp {missing[0]!r}: these variables are not its own."
        )
